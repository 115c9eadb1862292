"""The results of the benchmark, as people read them."""

from rayjobs_cli.benchmark.large import Memory
from rayjobs_cli.benchmark.table import markdown
from rayjobs_cli.benchmark.turns import Row


def test_a_table_of_markdown_has_a_line_for_each_tool_and_each_weight() -> None:
    row = Row("S", "thumb", "sharp", 266.0, 1.7, 1.62, 1.81, 42.4, None, 2.5)

    lines = markdown([row], [Memory("baseline", "thumb", 22.6)]).splitlines()

    assert lines[2] == "| S | thumb | sharp | 266 | 1.70 x | 1.62 - 1.81 | 42.4 | - | 2.5 |"
    assert lines[-1] == "| baseline | thumb | 23 |"
    assert {line.count("|") for line in lines[:3]} == {10}

"""Each command starts with nothing installed: seen by reading, and by running where that installs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rayjobs_cli.setup import bootstrap
from rayjobs_cli.setup.environment import Environment
from tests.architecture.tree import ROOT, modules, tree_of

OLDEST_READER = (3, 7)
"""A Python that is too old must be able to read a command, to say so."""


COMMANDS = [path for path in modules("scripts") if len(path.parts) == 2]
EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.stem)


def imported(nodes: list[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def foreign(names: set[str]) -> set[str]:
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


@EACH
def test_a_script_is_a_door_to_a_command_and_nothing_else(command: Path) -> None:
    _, bootstrap_import, guard = tree_of(command).body
    assert ast.unparse(bootstrap_import) == "from rayjobs_cli.setup.bootstrap import start"
    assert isinstance(guard, ast.If)
    [call] = guard.body
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert isinstance(named := call.value.args[0], ast.Constant)
    assert Path("scripts", "rayjobs_cli", *str(named.value).split(".")).with_suffix(".py") in modules(
        "scripts"
    )


@EACH
def test_a_python_that_is_too_old_can_read_a_command(command: Path) -> None:
    ast.parse((ROOT / command).read_text(encoding="utf-8"), feature_version=OLDEST_READER)


def test_the_bootstrap_rests_on_the_standard_library_alone() -> None:
    seen: set[str] = set()
    waiting = {"rayjobs_cli.setup.bootstrap"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        path = Path("scripts", *name.split(".")).with_suffix(".py")
        names = foreign(imported([node for node in ast.walk(tree_of(path)) if isinstance(node, ast.stmt)]))
        assert {name for name in names if not name.startswith("rayjobs_cli.")} == set()
        waiting |= names - seen


@EACH
def test_a_command_explains_itself_with_an_example(command: Path, tmp_path: Path) -> None:
    digests = [bootstrap.digest(bootstrap.LOCK_WITH_TOOLS)]
    if not Environment(Path(sys.prefix)).is_running(digests):
        pytest.skip("this environment is not the bootstrap's own; a command would make it")
    done = subprocess.run(
        [sys.executable, str(ROOT / command), "--help"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert f"python scripts/{command.name}" in done.stdout
    assert "--json" in done.stdout

import io
from typing import Any

from rich.console import Console

from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test.live_table import LiveTable, live_table
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_k8s.scaling.group_status import GroupStatus, Usage


def batch(done: int, state: str = "running") -> dict[str, Any]:
    counts = {"total": 4, "pending": 4 - done, "running": 0, "succeeded": done, "failed": 0}
    return {"id": f"b_{done}", "state": state, "counts": counts, "throughput_per_s": 2.0}


def snapshot(t_s: float, *batches: dict[str, Any], speed: float = 2.0) -> Snapshot:
    return Snapshot(t_s, batches, ({"cpu_percent": 150.0}, {"cpu_percent": 30.0}), {}, speed)


def test_a_snapshot_sums_its_batches_and_workers() -> None:
    seen = snapshot(1.0, batch(1), batch(3))
    assert (seen.total, seen.done, seen.waiting, seen.cpu_percent, seen.eta_s) == (8, 4, 4, 180.0, 2.0)
    assert seen.states == {"running": 2}
    assert not seen.ended


def test_the_end_is_unknown_without_a_speed_and_none_is_left_without_items() -> None:
    assert snapshot(1.0, batch(1), speed=0.0).eta_s is None
    assert snapshot(1.0, batch(4, "succeeded"), speed=0.0).eta_s == 0.0


def test_away_from_a_terminal_there_is_a_head_and_one_row_a_second() -> None:
    out = io.StringIO()
    with LiveTable(Terminal(file=out, width=40)) as watch:
        for t_s in (0.0, 0.25, 0.5, 1.25):
            watch.show(snapshot(t_s, batch(1)))
        watch.show(snapshot(1.5, batch(4, "succeeded")), is_last=True)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["time", "0.0", "1.2", "1.5"]
    assert " ".join(lines[-1].split()) == "1.5 s 4/4 2.0 0 2 180 % 0 s 1 succeeded"
    # Right-aligned figures stand under their heads, and a long row is not folded.
    assert lines[0].index("done") + len("done") == lines[1].index("1/4") + len("1/4")


def test_a_terminal_shows_every_batch_and_the_figures_of_the_system() -> None:
    console = Console(file=io.StringIO(), width=120, record=True, force_terminal=True)
    console.print(live_table(snapshot(1.0, batch(1), batch(4, "failed"))))
    text = console.export_text()
    for expected in ("b_1", "1/4", "running", "failed", "workers 2", "CPU 180 %", "done 5/8"):
        assert expected in text


def test_a_terminal_is_redrawn_until_the_end() -> None:
    out = io.StringIO()
    with LiveTable(Terminal(file=out, width=100, force_terminal=True)) as watch:
        watch.show(snapshot(0.0, batch(1)))
        watch.show(snapshot(0.5, batch(4, "succeeded")))
    assert "4/4" in out.getvalue()


GROUP = GroupStatus(Usage(50, 143), Usage(80, 31), 4, 4, 1, 10, 60, frozenset("ab"), frozenset("c"))


def on_a_cluster(t_s: float, *events: str) -> Snapshot:
    return Snapshot(t_s, (batch(1),), ({"busy_slots": 2},), {}, 2.0, GROUP, events)


def test_on_a_cluster_a_row_tells_of_the_group_and_events_have_lines_of_their_own() -> None:
    out = io.StringIO()
    with LiveTable(Terminal(file=out, width=60)) as watch:
        watch.show(on_a_cluster(0.0))
        watch.show(on_a_cluster(1.0, "HPA raised the floor 1 -> 4 (cpu 143%/50%)"))
    head, row, event = out.getvalue().splitlines()
    assert head.split()[-1] == "done"
    assert " ".join(row.split()) == "0.0 s 143%/50% 31%/80% 4 1 2/1 2 3 2.0 2 s 1/4"
    assert row.index("143%/50%") + len("143%/50%") == head.index("cpu") + len("cpu")
    assert event == "  1.0 s  * HPA raised the floor 1 -> 4 (cpu 143%/50%)"


def test_on_a_clusters_terminal_the_rows_stay_above_what_is_live() -> None:
    out = io.StringIO()
    with LiveTable(Terminal(file=out, width=120, force_terminal=True)) as watch:
        watch.show(on_a_cluster(0.0, "Ray asked for 2 more: 4 -> 6"))
    assert "Ray asked for 2 more: 4 -> 6" in out.getvalue()
    assert "ready/starting" in out.getvalue()

import hashlib
import io
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.load_test import runner, summary
from rayjobs_cli.load_test.poller import Pace
from rayjobs_cli.targets.client import Client, Document
from rayjobs_cli.targets.observe import Observe
from rayjobs_k8s.scaling.group_status import GroupStatus, Usage

OUTPUT = b"a picture"
QUICK = Pace(poll_s=0.01)


def batch(name: str, done: int, state: str = "running") -> Document:
    nothing = dict.fromkeys(("running", "cached", "skipped", "failed", "cancelled"), 0)
    return {
        "id": name,
        "state": state,
        "counts": nothing | {"total": 2, "pending": 2 - done, "succeeded": done},
        "errors_by_code": {},
        "exact": True,
        "throughput_per_s": 1.0,
    }


class System(Client):
    """Answers one list of batches after the other, the last one again and again."""

    def __init__(self, *looks: list[Document]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.looks = chain(looks, repeat(looks[-1]))
        self.names = iter(("b_0", "b_1"))
        self.purges = 0

    @override
    def purge(self) -> Document:
        self.purges += 1
        return {}

    @override
    def submit(self, body: Document) -> Document:
        return {"id": next(self.names)}

    @override
    def batches(self) -> list[Document]:
        return next(self.looks)

    @override
    def workers(self) -> list[Document]:
        return [{"id": "w", "slots": 2, "busy_slots": 2, "cpu_percent": 150.0}]

    @override
    def queue(self) -> Document:
        return {}

    @override
    def items(self, batch_id: str) -> list[Document]:
        digest = hashlib.sha256(OUTPUT).hexdigest()
        output = {"sha256": digest, "uri": f"file:///out/{batch_id}/0.jpg"}
        return [{"index": i, "state": "succeeded", "source": "else", "output": output} for i in range(2)]

    @override
    def output(self, batch_id: str, index: int, variant: str = "") -> bytes:
        return OUTPUT


def run(
    system: Client,
    folder: Path,
    out: io.StringIO | None = None,
    observe: Observe | None = None,
    pace: Pace = QUICK,
) -> runner.LoadTest:
    terminal = Terminal(file=out or io.StringIO(), width=80)
    done = runner.run(
        system, runner.LoadOptions(2, 2, folder / "new" / "report.html"), terminal, observe, pace
    )
    summary.show(done, terminal)
    return done


def test_a_run_is_purged_watched_judged_and_reported(tmp_path: Path) -> None:
    ended = [batch("b_1", 2, "succeeded"), batch("b_0", 2, "succeeded"), batch("b_other", 0)]
    system = System([batch("b_0", 0), batch("b_1", 1)], ended)
    out = io.StringIO()
    done = run(system, tmp_path, out)
    told: dict[str, Any] = done.as_json()
    assert system.purges == 1
    assert told["ok"]
    assert (told["images"], [one["id"] for one in told["batches"]]) == (4, ["b_0", "b_1"])
    assert told["scaling"][0] | {"t_s": 0} == {
        "t_s": 0, "cpu_percent": 150.0, "floor": 1, "pods": 1, "ready": 1, "queue": 3,
    }  # fmt: skip
    assert told["outputs"] == "/out"
    assert Path(told["report"]).is_file()
    assert "all succeeded: 4 pictures of 2 batches" in out.getvalue()


def test_what_went_wrong_is_said(tmp_path: Path) -> None:
    out = io.StringIO()
    done = run(System([batch("b_0", 2, "succeeded"), batch("b_1", 1, "partial")]), tmp_path, out)
    assert not done.verdict.ok
    assert "not all succeeded" in out.getvalue()
    assert "  - b_1 is partial: no item failed\n" in out.getvalue()


def test_a_purge_by_somebody_else_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        run(System([batch("b_0", 0), batch("b_1", 0)], []), tmp_path)
    assert (raised.value.code, raised.value.status) == ("purged", ExitStatus.FAILED)


def test_a_run_without_progress_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        run(System([batch("b_0", 1), batch("b_1", 0)]), tmp_path, pace=replace(QUICK, stall_s=0.05))
    assert raised.value.code == "stalled"


def group(floor: int, ready: str, cpu: int) -> GroupStatus:
    return GroupStatus(Usage(50, cpu), Usage(80, 31), floor, floor, 1, 10, 60, frozenset(ready))


def test_on_a_cluster_the_way_down_is_followed_and_told(tmp_path: Path) -> None:
    course = [
        group(1, "a", 10),
        group(1, "a", 143),
        group(3, "abc", 143),
        group(3, "abc", 9),
        group(1, "a", 9),
    ]
    looks = chain(course, repeat(course[-1]))
    ended = [batch("b_0", 2, "succeeded"), batch("b_1", 2, "succeeded")]
    out = io.StringIO()
    done = run(
        System([batch("b_0", 0), batch("b_1", 1)], ended), tmp_path, out, lambda: (next(looks), ("it moved",))
    )
    rows = done.as_json()["scaling"]
    assert [(row["floor"], row["pods"], row["ready"]) for row in rows] == [
        (1, 1, 1),
        (3, 3, 3),
        (3, 3, 3),
        (1, 1, 1),
    ]
    assert rows[0]["cpu_percent"] == 143.0
    assert rows[0]["events"] == ["it moved"]
    assert "ready pods: 1 -> 3 " in out.getvalue()
    assert "one worker again" in out.getvalue()


def test_a_group_that_stays_large_is_told_and_not_waited_for_without_end(tmp_path: Path) -> None:
    out = io.StringIO()
    large = group(3, "abc", 9)
    ended = [batch("b_0", 2, "succeeded"), batch("b_1", 2, "succeeded")]
    assert run(System(ended), tmp_path, out, lambda: (large, ()), replace(QUICK, descent_s=0.05)).verdict.ok
    assert "not small again" in out.getvalue()

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from rayjobs_cli.targets.local import logs
from rayjobs_cli.targets.local.processes import find, identify, marked
from rayjobs_cli.targets.local.services import Service
from rayjobs_cli.targets.local.state import ProcessId
from rayjobs_cli.targets.local.unit import Backoff, Unit
from tests.support.waiting import wait_until

WAIT = "import threading; threading.Event().wait()"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAIT!r}]).wait()"

Make = Callable[..., Unit]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    units: list[Unit] = []

    def one(code: str = WAIT, **options: Any) -> Unit:
        defaults: dict[str, Any] = {"ready": lambda: True, "stop_limit_s": 2.0}
        command = (sys.executable, "-c", code)
        service = Service("one", command, dict(os.environ), **(defaults | options))
        units.append(Unit(service, uuid4().hex, tmp_path))
        return units[-1]

    yield one
    for unit in units:
        unit.stop()


def pid_of(unit: Unit) -> int:
    process = unit.status.process
    assert process is not None
    return process.pid


def step_until(
    unit: Unit, predicate: Callable[[], bool], description: str, ready: frozenset[str] = frozenset()
) -> None:
    def stepped() -> bool:
        unit.step(ready)
        return predicate()

    wait_until(stepped, 15, description)


def test_a_service_is_ready_once_it_says_so(make: Make) -> None:
    answers = iter([False, True])
    unit = make(ready=lambda: next(answers))
    assert unit.step(frozenset())
    assert unit.status.phase == "starting"
    step_until(unit, lambda: unit.ready, "ready")


def test_a_service_waits_for_what_it_needs(make: Make) -> None:
    unit = make(needs=("redis",))
    assert not unit.step(frozenset())
    assert unit.status.process is None
    assert unit.step(frozenset({"redis"}))
    assert unit.status.process is not None


def test_a_killed_process_is_started_again_and_it_is_said_why(make: Make) -> None:
    unit = make()
    step_until(unit, lambda: unit.ready, "ready")
    first = pid_of(unit)
    psutil.Process(first).kill()
    step_until(unit, lambda: unit.ready and unit.status.restarts == 1, "ready again")
    assert pid_of(unit) != first
    assert unit.status.last_end is not None
    assert "ended with status" in unit.status.last_end


def test_a_process_that_never_gets_ready_is_started_again(make: Make) -> None:
    unit = make(ready=lambda: False, start_limit_s=0.1)
    step_until(unit, lambda: unit.status.restarts >= 2, "two starts given up")
    assert unit.status.last_end == "was not ready within 0.1 s"


def test_a_service_ends_with_the_one_it_follows(make: Make) -> None:
    unit = make(needs=("ray",), follows=("ray",))
    ray = frozenset({"ray"})
    step_until(unit, lambda: unit.ready, "ready", ray)
    first = pid_of(unit)
    unit.step(frozenset())
    assert unit.status.process is None
    assert not psutil.pid_exists(first)


def test_what_a_killed_parent_leaves_behind_is_ended(make: Make) -> None:
    unit = make(PARENT)
    unit.step(frozenset())
    stack = unit._stack
    wait_until(lambda: len(marked(stack, "one")) == 2, 15, "parent and child run")
    psutil.Process(pid_of(unit)).kill()
    step_until(unit, lambda: unit.status.restarts == 1, "the death is noticed")
    assert marked(stack) == []


def test_stopping_ends_the_whole_family(make: Make) -> None:
    unit = make(PARENT)
    unit.step(frozenset())
    wait_until(lambda: len(marked(unit._stack)) == 2, 15, "parent and child run")
    unit.stop()
    assert marked(unit._stack) == []
    assert unit.status.phase == "waiting"


def test_a_process_that_does_not_listen_is_killed(make: Make) -> None:
    if os.name != "posix":
        pytest.skip("there is no signal to ignore")
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {WAIT}"
    unit = make(deaf, stop_limit_s=0.2)
    unit.step(frozenset())
    wait_until(lambda: "deaf" in logs.tail(unit._folder, "one"), 15, "it ignores SIGTERM")
    unit.stop()
    assert marked(unit._stack) == []


def test_a_process_with_the_number_of_another_is_not_ours() -> None:
    mine = identify(os.getpid())
    assert find(mine) is not None
    assert find(ProcessId(pid=mine.pid, created=mine.created - 60)) is None
    assert find(None) is None


def test_delays_double_up_to_ten_seconds_and_begin_anew_behind_a_steady_life() -> None:
    backoff = Backoff()
    assert [backoff.after(1.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff.after(30.0) == 0.2
    assert backoff.after(1.0) == 0.4


def test_a_large_log_is_put_aside_when_its_process_starts(tmp_path: Path) -> None:
    for text in (b"long enough\n", b"second\n"):
        with logs.opened(tmp_path, "one", large_bytes=10) as file:
            file.write(text)
    assert logs.tail(tmp_path, "one") == ["second"]
    assert (tmp_path / "logs" / "one.old.log").read_bytes() == b"long enough\n"
    assert logs.tail(tmp_path, "never") == []

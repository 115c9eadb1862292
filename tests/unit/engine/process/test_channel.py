"""What an engine process may say, and what becomes of one that says anything else."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rayjobs.engine.process.channel import Ended, EngineProcess
from rayjobs.engine.process.fork_server import ForkServer
from rayjobs.errors import EngineUnavailableError, StoreUnavailableError
from rayjobs.model.item import Fault, Outcome
from tests.support.waiting import wait_until

_PROGRAM = """
import os, signal, sys
from rayjobs.model.item import Outcome
from rayjobs.engine.process import fork_server
from rayjobs.engine.process.channel import AWAY, END, ChannelEnds

def begin(ends, options):
    channel = ChannelEnds.of(ends)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        way, _, count = channel.control.recv_bytes().decode().partition(" ")
        if way == "work":
            for index in range(int(count)):
                channel.report(Outcome(index, "succeeded", 1, "w", 0.5, input={"sha256": "0" * 64}))
            channel.send(END)
        elif way == "away":
            channel.send(AWAY, "no store")
        elif way == "half":
            os.write(channel.outcomes, b'{"index": 3, "sta')
            os._exit(7)
        elif way == "words":
            os.write(2, b"these are my last words")
            os.abort()
        elif way == "rubbish":
            os.write(channel.outcomes, b'{"no": "outcome"}\\n')
            channel.send(END)
        elif way == "nonsense":
            channel.control.send_bytes(b"\\x80\\x04pickle?")

fork_server.serve(int(sys.argv[1]), begin)
"""


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    started = ForkServer([sys.executable, "-c", _PROGRAM], os.environ | {"PYTHONPATH": str(Path.cwd())})
    yield started
    started.close()


@pytest.fixture
def engine(fork_server: ForkServer) -> Iterator[EngineProcess]:
    process = EngineProcess(fork_server, 2**30)
    yield process
    process.kill()
    process.close()


def open_files() -> int:
    return psutil.Process().num_fds()


def until_the_end(engine: EngineProcess, assignment: str) -> list[Outcome]:
    engine.assign(assignment.encode())
    found: list[Outcome] = []
    while not engine.wait(10):
        found += engine.outcomes()
    return found + list(engine.outcomes())


def test_outcomes_arrive_whole_and_in_their_order_also_when_the_pipe_is_full(engine: EngineProcess) -> None:
    found = until_the_end(engine, "work 5000")  # some 600 kB, through a pipe of 64
    assert [outcome.index for outcome in found] == list(range(5000))
    assert found[0] == Outcome(0, "succeeded", 1, "w", 0.5, input={"sha256": "0" * 64})
    assert engine.items == 5000


def test_an_outcome_goes_through_json_and_back() -> None:
    failed = Outcome(
        1, "failed", 2, "w", 1.5, error=Fault("deadline", "too long", retryable=False, limit=5.0)
    )
    for outcome in (failed, Outcome(2, "succeeded", 1, "w", 3.0, output={"width": 3})):
        assert Outcome.of(outcome.as_json()) == outcome


def test_a_store_that_is_away_ends_the_assignment_and_not_the_process(engine: EngineProcess) -> None:
    with pytest.raises(StoreUnavailableError, match="no store"):
        until_the_end(engine, "away")
    assert len(until_the_end(engine, "work 1")) == 1


def test_what_a_dying_engine_had_told_stands_and_half_an_outcome_does_not(engine: EngineProcess) -> None:
    assert len(until_the_end(engine, "work 2")) == 2
    with pytest.raises(Ended) as caught:
        until_the_end(engine, "half")
    assert (caught.value.exit_code, caught.value.cause) == (7, "exit status 7")
    assert list(engine.outcomes()) == []


def test_the_last_words_of_an_engine_are_remembered(engine: EngineProcess) -> None:
    with pytest.raises(Ended) as caught:
        until_the_end(engine, "words")
    assert (caught.value.cause, caught.value.stderr_tail) == ("SIGABRT", "these are my last words")


@pytest.mark.parametrize("way", ["rubbish", "nonsense"])
def test_an_engine_that_talks_nonsense_is_ended(engine: EngineProcess, way: str) -> None:
    with pytest.raises(Ended):
        until_the_end(engine, way)


def test_an_idle_engine_is_measured_and_one_that_is_told_to_finish_leaves(engine: EngineProcess) -> None:
    assert len(until_the_end(engine, "work 1")) == 1
    assert engine.rss_bytes() > 2**20
    assert not engine.is_stopped()
    with pytest.raises(Ended) as caught:
        engine.finish(10)
    assert (caught.value.cause, engine.rss_bytes()) == ("SIGTERM", 0)


def test_a_process_that_can_not_be_had_leaves_no_file_open() -> None:
    gone = ForkServer([sys.executable, "-c", ""], os.environ)
    wait_until(lambda: not gone.is_alive, 10, "it has ended")
    before = open_files()
    with pytest.raises(EngineUnavailableError):
        EngineProcess(gone, 2**30)
    assert open_files() <= before

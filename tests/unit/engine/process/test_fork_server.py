"""A fork server forks processes, returns their exit codes, and leaves none behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rayjobs.engine.process.fork_server import ForkServer, environment
from rayjobs.errors import EngineUnavailableError
from rayjobs.settings import Settings
from tests.support.waiting import wait_until

_PROGRAM = """
import os, signal, sys
from rayjobs.engine.process import fork_server

def begin(ends, options):
    os.write(ends[0], options["word"].encode())
    signal.pause()

fork_server.serve(int(sys.argv[1]), begin)
"""


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    started = ForkServer([sys.executable, "-c", _PROGRAM], os.environ | {"PYTHONPATH": str(Path.cwd())})
    yield started
    started.close()


def fork(fork_server: ForkServer, word: str = "here") -> int:
    reading, writing = os.pipe()
    pid = fork_server.fork([writing], word=word)
    os.close(writing)
    assert os.read(reading, 100) == word.encode()
    os.close(reading)
    return pid


def test_a_process_gets_its_files_and_its_order_in_a_few_milliseconds(fork_server: ForkServer) -> None:
    fork(fork_server)  # waits for the fork server itself to start
    began = time.perf_counter()
    for number in range(5):
        pid = fork(fork_server, f"word {number}")
        os.kill(pid, signal.SIGKILL)
        assert fork_server.reap(pid) == -signal.SIGKILL
    assert (time.perf_counter() - began) / 5 < 0.3


def test_its_end_is_the_end_of_all_that_it_has_started(fork_server: ForkServer) -> None:
    pids = [fork(fork_server) for _ in range(3)]
    fork_server.close()
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), 10, "they are gone")


def test_one_that_was_killed_can_not_be_asked(fork_server: ForkServer) -> None:
    parent = psutil.Process(fork(fork_server)).parent()
    assert parent is not None
    parent.kill()
    wait_until(lambda: not fork_server.is_alive, 10, "it has ended")
    with pytest.raises(EngineUnavailableError):
        fork_server.fork([], word="")


def test_no_process_learns_where_the_services_are() -> None:
    settings = Settings(
        redis_url="redis://:secret@redis/0", item_deadline_s=7.5, roots=(Path("/a"), Path("/b"))
    )
    shared = {"REDIS_URL": "redis://:secret@redis/0", "REDIS_PASSWORD": "secret", "PATH": "/bin"}
    found = environment(shared, settings)
    assert "secret" not in str(found)
    assert found["PATH"] == "/bin"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        patch.delenv("REDIS_URL", raising=False)
        again = Settings()
    assert (again.item_deadline_s, again.roots, again.store) == (
        7.5,
        (Path("/a"), Path("/b")),
        settings.store,
    )

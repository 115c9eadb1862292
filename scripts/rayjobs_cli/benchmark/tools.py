"""The tools that take turns: this system from POST to the last file, and pools as a user would write them."""

import multiprocessing
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from rayjobs_cli.benchmark import pool
from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.targets.client import Client


class ToolFailedError(Exception):
    """A tool failed at a job: it is left out, and has no figures."""


class Tool(ABC):
    """A tool that runs jobs; from `with` on it is warm."""

    name: str

    def __enter__(self) -> Self:
        """Start what the tool needs, if that does not run already."""
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """End what was started."""

    def does(self, job: Job) -> bool:
        """Return whether the tool can run a job."""
        del job
        return True

    @abstractmethod
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        """Run a job; return the seconds to its last file.

        Raises:
            ToolFailedError: The tool could not run the job.
        """

    @abstractmethod
    def outputs(self, first: int) -> list[Path]:
        """Return the `first` outputs of the last run, in the order of its pictures."""

    @abstractmethod
    def pids(self) -> Iterable[int]:
        """Return the numbers of its root processes."""


class System(Tool):
    """This system, warm: from the POST until the batch has ended."""

    name = "rayjobs"

    def __init__(self, client: Client, pids: Iterable[int]) -> None:
        self._client = client
        self._pids = tuple(pids)
        self._batch = ""

    @override
    def __exit__(self, *_: object) -> None:
        """Leave the system running: the command that deployed it ends it."""

    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        body = {
            "source": {"type": "paths", "paths": [str(path) for path in pictures]},
            "pipeline": job.pipeline.filters,
            "output": job.pipeline.output,
        }
        start = time.perf_counter()
        self._batch = self._client.submit(body)["id"]
        batch = self._client.ended(self._batch)
        seconds = time.perf_counter() - start
        if batch["state"] != "succeeded":
            detail = f"{self._batch} is {batch['state']}: {batch['errors_by_code']}."
            raise CommandError("bench_failed", detail, status=ExitStatus.FAILED)
        return seconds

    @override
    def outputs(self, first: int) -> list[Path]:
        uris = [item["output"]["uri"] for item in self._client.items(self._batch)[:first]]
        return [Path(unquote(urlsplit(uri).path)) for uri in uris]

    @override
    def pids(self) -> Iterable[int]:
        return self._pids


class Writer(Tool):
    """A tool that writes into its own folder; `with` makes the folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder / name.replace(" ", "-")
        self._written: list[Path] = []
        """The outputs of the last run."""

    @override
    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    @override
    def outputs(self, first: int) -> list[Path]:
        return self._written[:first]

    def _numbered(self, job: Job, count: int) -> list[Path]:
        return [self._folder / f"{index:06d}.{job.extension}" for index in range(count)]


class Pool(Writer):
    """A `multiprocessing.Pool` over the pictures; its processes are warm before the clock runs."""

    def __init__(
        self,
        name: str,
        work: Callable[[pool.Task], None],
        processes: int,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, folder)
        self._work = work
        others = set(_children())
        with exported(environment or {}):
            self._pool = multiprocessing.get_context("spawn").Pool(processes)
        self._pids = set(_children()) - others

    @override
    def __exit__(self, *_: object) -> None:
        self._pool.close()
        self._pool.join()

    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        self._written = self._numbered(job, len(pictures))
        tasks = [(job.pipeline.name, *pair) for pair in zip(pictures, self._written, strict=True)]
        start = time.perf_counter()
        for _ in self._pool.imap_unordered(self._work, tasks, job.chunk_size):
            pass
        return time.perf_counter() - start

    @override
    def pids(self) -> Iterable[int]:
        return self._pids


def _children() -> Iterator[int]:
    return (process.pid for process in multiprocessing.active_children() if process.pid)


@contextmanager
def exported(environment: Mapping[str, str]) -> Iterator[None]:
    """Add variables to the environment that processes inherit, from `with` to its end."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

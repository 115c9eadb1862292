"""The program of a peer, as the benchmark sees it: it is started, and gets a line of JSON for each run."""

import json
import os
import subprocess
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from threading import Timer
from typing import Self

from typing_extensions import override

from rayjobs_cli.benchmark.jobs import Job
from rayjobs_cli.benchmark.peers.provision import AbsentError
from rayjobs_cli.benchmark.tools import ToolFailedError, Writer
from rayjobs_cli.setup.bootstrap import ROOT

_READY_S = 90.0
"""A cluster of Dask or Ray starts; the machine may be busy."""
_RUN_S = 600.0
_END_S = 30.0
_OURS = ("RAY_", "RAYJOBS_", "REDIS_", "VIPS_", "MALLOC_")
"""Prefixes of variables that are for this system, and not for a peer."""


class Program(Writer):
    """A peer that runs as a program of its own.

    Args:
        name: Of the peer.
        command: Starts the program.
        folder: For outputs and its log; also its working directory, unless `place` is given.
        pipelines: Names of the pipelines that it can run.
        place: Its working directory.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        pipelines: Collection[str],
        place: Path | None = None,
    ) -> None:
        super().__init__(name, folder)
        self._command = command
        self._pipelines = pipelines
        self._place = place or self._folder
        self._process: subprocess.Popen[str]

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self._folder.with_suffix(".log")

    @override
    def __enter__(self) -> Self:
        super().__enter__()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._place,
                env={**kept, "PYTHONPATH": str(ROOT / "scripts"), "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
            )
        try:
            self._answer(_READY_S)
        except ToolFailedError as error:
            self._end()
            raise AbsentError(f"it does not start: {error}") from error
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self._end()

    @override
    def does(self, job: Job) -> bool:
        return job.pipeline.name in self._pipelines

    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        self._written = self._numbered(job, len(pictures))
        pairs = [(str(one), str(other)) for one, other in zip(pictures, self._written, strict=True)]
        run = {"pipeline": job.pipeline.name, "pairs": pairs, "chunk_size": job.chunk_size}
        line = json.dumps(run)
        start = time.perf_counter()
        self._send(line)
        self._answer(_RUN_S)
        return time.perf_counter() - start

    @override
    def pids(self) -> Iterable[int]:
        return [self._process.pid]

    def _send(self, line: str) -> None:
        try:
            print(line, file=self._process.stdin, flush=True)
        except OSError as error:
            raise ToolFailedError(f"it has ended, see {self.log}") from error

    def _answer(self, limit_s: float) -> None:
        timer = Timer(limit_s, self._process.kill)
        timer.start()
        try:
            line = next(iter(self._process.stdout or ()), "")
        finally:
            timer.cancel()
        if not line:
            raise ToolFailedError(f"it has ended, or took more than {limit_s:g} s; see {self.log}")
        if "error" in (answer := json.loads(line)):
            raise ToolFailedError(answer["error"])

    def _end(self) -> None:
        # At the end of its stdin the program ends, with everything that it started.
        with self._process as process:
            try:
                process.communicate(timeout=_END_S)
            except (OSError, subprocess.TimeoutExpired):
                process.kill()

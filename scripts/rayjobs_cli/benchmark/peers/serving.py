"""The protocol inside the program of a peer: runs as lines of JSON, an answer each; standard library only."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

Pair = tuple[str, str]
"""Paths of a picture and of its output."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline over pictures."""

    pipeline: str
    pairs: list[Pair]
    chunk_size: int
    """Pictures for a process at a time."""

    def chunks(self) -> list[list[Pair]]:
        """Return the pairs in chunks."""
        return [self.pairs[at : at + self.chunk_size] for at in range(0, len(self.pairs), self.chunk_size)]


Work = Callable[[Run], object]
"""Runs all pictures of a run, and returns after the last file."""


def processes() -> int:
    """Return the number of processes for the peer."""
    return int(sys.argv[1])


def serve(started: AbstractContextManager[Work]) -> None:
    """Start the peer, and answer runs until stdin ends."""
    # The output of libraries goes to stderr, a log: stdout is for answers only.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        with started as work:
            print(json.dumps({"ready": True}), file=answers, flush=True)
            for line in sys.stdin:
                print(json.dumps(_answer(work, json.loads(line))), file=answers, flush=True)


def _answer(work: Work, run: dict[str, Any]) -> dict[str, object]:
    try:
        work(Run(**run))
    except Exception as error:  # noqa: BLE001 - after any error the benchmark goes on without this peer
        return {"error": f"{type(error).__name__}: {error}"}
    return {"done": True}

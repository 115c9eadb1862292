"""A peer's program, from inside: reads runs as lines of JSON, and answers each; standard library only."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

Pair = tuple[str, str]
"""A picture, and where its output goes."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline over pictures."""

    pipeline: str
    pairs: list[Pair]
    a_chunk: int
    """Pictures for a process at a time."""

    def chunks(self) -> list[list[Pair]]:
        """Return the pictures, a chunk at a time."""
        return [self.pairs[at : at + self.a_chunk] for at in range(0, len(self.pairs), self.a_chunk)]


Work = Callable[[Run], object]
"""Does a run to its last file."""


def processes() -> int:
    """Return how many processes the peer is to work with."""
    return int(sys.argv[1])


def serve(started: AbstractContextManager[Work]) -> None:
    """Start the peer, and answer runs until stdin ends."""
    # What libraries print goes to stderr, which is a log: stdout is for answers alone.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        with started as work:
            print(json.dumps({"ready": True}), file=answers, flush=True)
            for line in sys.stdin:
                print(json.dumps(_answer(work, json.loads(line))), file=answers, flush=True)


def _answer(work: Work, told: dict[str, Any]) -> dict[str, object]:
    try:
        work(Run(**told))
    except Exception as error:  # noqa: BLE001 - whatever it is, the benchmark goes on without this peer
        return {"error": f"{type(error).__name__}: {error}"}
    return {"done": True}

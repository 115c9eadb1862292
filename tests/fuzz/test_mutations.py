"""The corpus, mutated at random, through the engine in a process of its own; for minutes by a flag.

    RAYJOBS_FUZZ_S=300 RAYJOBS_FUZZ_SEED=7 pytest tests/fuzz

A file that kills the process, or raises what is no error of ours, stays in the folder that pytest names.
"""

import os
import time
from pathlib import Path

import numpy as np

from rayjobs.errors import ITEM_ERRORS
from tests.support import corpus
from tests.support.outcomes import outcomes

SECONDS = float(os.environ.get("RAYJOBS_FUZZ_S", "3"))
SEED = int(os.environ.get("RAYJOBS_FUZZ_SEED", "1"))
AT_A_TIME = 400


def mutated(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return the file with a few bytes changed, and now and then a piece left out, doubled or exchanged."""
    data = corpus.flipped(data, rng, int(rng.integers(1, 9)))
    start, end = sorted(int(at) for at in rng.integers(8, len(data), 2))
    match int(rng.integers(0, 6)):
        case 0:
            return data[:start] + data[end:]
        case 1:
            return data[:end] + data[start:]
        case 2:
            return data[:start] + other[start:end] + data[end:]
        case _:
            return data


def test_no_mutation_ends_the_process_or_escapes_as_another_error(tmp_path: Path) -> None:
    rng, files = np.random.default_rng(SEED), list(corpus.good().items())
    ends_at, turn = time.monotonic() + SECONDS, 0
    while turn == 0 or time.monotonic() < ends_at:
        turn += 1
        picked = rng.integers(0, len(files), (AT_A_TIME, 2))
        tried = {
            f"{turn}-{number}-{files[one][0]}": mutated(files[one][1], files[other][1], rng)
            for number, (one, other) in enumerate(picked)
        }
        results = outcomes(tried, tmp_path / str(turn))
        allowed = {"rendered", *ITEM_ERRORS}
        assert {name: result for name, result in results.items() if result.outcome not in allowed} == {}

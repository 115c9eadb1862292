"""The corpus, mutated at random, through random pipelines of the engine in a process of its own.

Seconds by default, minutes by a flag; what was tried and what became of it is printed (`-s` shows it):

    RAYJOBS_FUZZ_S=300 RAYJOBS_FUZZ_SEED=7 pytest -s tests/fuzz

A file that kills the process, or raises what is no error of ours, stays in the folder that pytest names.
"""

import os
import time
from collections import Counter
from pathlib import Path

import numpy as np

from rayjobs.codec import FORMATS
from rayjobs.errors import ITEM_ERRORS
from rayjobs.filters import CATALOGUE
from rayjobs.filters.base import Composition
from tests.support import corpus
from tests.support.outcomes import USUAL, Order, outcomes

SECONDS = float(os.environ.get("RAYJOBS_FUZZ_S", "3"))
SEED = int(os.environ.get("RAYJOBS_FUZZ_SEED", "1"))
AT_A_TIME = 400
MOST_FILTERS = 3
WRITABLE = [name for name, each in FORMATS.items() if each.writes]
ALONE = [cls for cls in CATALOGUE.values() if not issubclass(cls, Composition)]


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


def ordered(rng: np.random.Generator) -> Order:
    """Return a few filters of the catalogue, as their examples have them, and any format."""
    picked = rng.choice(len(ALONE), int(rng.integers(0, MOST_FILTERS + 1)), replace=False)
    return {
        "pipeline": [ALONE[at].example() for at in picked],
        "output": {"format": str(rng.choice([*WRITABLE, "auto"]))},
    }


def test_no_mutation_ends_the_process_or_escapes_as_another_error(tmp_path: Path) -> None:
    rng, files = np.random.default_rng(SEED), list(corpus.good().items())
    ends_at, turn, seen = time.monotonic() + SECONDS, 0, Counter[str]()
    while turn == 0 or time.monotonic() < ends_at:
        turn += 1
        picked = rng.integers(0, len(files), (AT_A_TIME, 2))
        tried = {
            f"{turn}-{number}-{files[one][0]}": mutated(files[one][1], files[other][1], rng)
            for number, (one, other) in enumerate(picked)
        }
        order = USUAL if turn == 1 else ordered(rng)
        results = outcomes(tried, tmp_path / str(turn), order)
        allowed = {"rendered", *ITEM_ERRORS}
        assert {name: result for name, result in results.items() if result.outcome not in allowed} == {}, (
            order
        )
        seen.update(result.outcome for result in results.values())
    print(f"{seen.total()} files in {turn} pipelines: {dict(seen.most_common())}")

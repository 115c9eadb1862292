"""What the clients of a storm do and when: all of it follows from the seed."""

import random
from dataclasses import dataclass

CLIENTS = 3
PAUSES_S = (0.15, 0.9)
"""Between two steps of one client."""
WEIGHTS = {
    "submit": 24,
    "submit_with_key": 10,
    "pause": 8,
    "resume": 8,
    "cancel": 6,
    "retry": 10,
    "delete": 6,
    "items": 4,
    "results": 6,
    "log": 3,
    "upload": 4,
    "upload_cut_off": 4,
    "preview": 1,
    "purge": 1,
}
"""What a client does, and how often."""


@dataclass(frozen=True)
class Step:
    """One thing that a client does."""

    at_s: float
    """Since the storm began, as far as the step before was done by then."""
    does: str
    which: float
    """From 0 to 1: which of the batches that are known by then, the oldest first."""
    how: float
    """From 0 to 1: whatever else the step decides."""


def steps(seed: int, client: int, seconds: float) -> list[Step]:
    """Return what one client does in a storm."""
    chance = random.Random(f"{seed}/{client}")  # noqa: S311 - a load, no secret
    found, at_s = [], 0.0
    while at_s < seconds:
        [does] = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        found.append(Step(at_s, does, chance.random(), chance.random()))
        at_s += chance.uniform(*PAUSES_S)
    return found

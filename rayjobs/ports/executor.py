"""Slots, as the core needs them."""

from collections.abc import Callable, Collection
from typing import Protocol

from rayjobs.model.lease import Lease, Tally


class Executor(Protocol):
    """Runs chunks on slots somewhere."""

    def slots(self) -> int:
        """Return how many chunks run at once; raises `ExecutorLostError`."""

    def avoid(self, nodes: Collection[str]) -> None:
        """Start nothing more on these nodes, named as their workers name them; `slots` leaves them out."""

    def start(self, lease: Lease, done: Callable[[Lease, Tally | Exception], None]) -> None:
        """Start a chunk, or a copy of one that runs; `done` is called once for each, from any thread.

        Its second argument is the chunk's tally, or `WorkerCrashedError` when the
        slot ended without a word, or whatever error kept the chunk from being run.
        """

    def cancel(self, lease: Lease) -> None:
        """Give up a chunk, however often it was started, as far as that is still possible."""

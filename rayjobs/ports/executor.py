"""The port to the slots."""

from collections.abc import Callable, Collection
from typing import Protocol

from rayjobs.model.lease import Lease, Tally


class Executor(Protocol):
    """Runs chunks on slots, on any machines."""

    def slots(self) -> int:
        """Return how many chunks can run at the same time; raises `ExecutorLostError`."""

    def avoid(self, nodes: Collection[str]) -> None:
        """Start no more chunks on these nodes, named as by their workers; `slots` does not count them."""

    def start(self, lease: Lease, done: Callable[[Lease, Tally | Exception], None]) -> None:
        """Start a chunk, or a copy of one that runs; `done` is called once for each, from any thread.

        Its second argument is the chunk's tally, or `WorkerCrashedError` if the slot
        ended without an answer, or the error that kept the chunk from running.
        """

    def cancel(self, lease: Lease) -> None:
        """Cancel a chunk and all its copies, as far as that is still possible."""

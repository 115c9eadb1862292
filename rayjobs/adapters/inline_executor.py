"""Chunks in threads of this process: the executor's twin, for tests and for reading along."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from typing_extensions import override

from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Executor


class InlineExecutor(Executor):
    """Runs `slots` chunks at once, each in a thread."""

    def __init__(self, run_chunk: Callable[[Mapping[str, int | str]], Tally], slots: int = 2) -> None:
        self._run = run_chunk
        self._slots = slots
        self._threads = ThreadPoolExecutor(slots)
        self._futures: list[tuple[int, Future[Tally]]] = []

    @override
    def slots(self) -> int:
        return self._slots

    @override
    def avoid(self, nodes: Collection[str]) -> None:
        return  # its only node is this process, whose slots give back what they may not run

    @override
    def start(self, lease: Lease, done: Callable[[Lease, Tally | Exception], None]) -> None:
        future = self._threads.submit(self._run, lease.as_json())
        self._futures.append((lease.token, future))

        def finished(future: Future[Tally]) -> None:
            self._futures = [pair for pair in self._futures if pair[1] is not future]
            if not future.cancelled():
                error = future.exception()
                done(lease, future.result() if error is None else _as_exception(error))

        future.add_done_callback(finished)

    @override
    def cancel(self, lease: Lease) -> None:
        for token, future in self._futures:
            if token == lease.token:
                future.cancel()

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._threads.shutdown(cancel_futures=True)


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError(repr(error))

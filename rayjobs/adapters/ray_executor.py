"""Chunks as Ray tasks: the only file that knows Ray."""

import logging
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import ray
from ray import exceptions
from typing_extensions import override

from rayjobs.errors import (
    ExecutorLostError,
    ItemError,
    RayJobsError,
    WorkerCrashedError,
    WorkerOutOfMemoryError,
)
from rayjobs.model.lease import Lease, Tally
from rayjobs.ports import Executor

log = logging.getLogger(__name__)

_WARM_S = 60.0
"""Longest wait for the slots to be warm; they start in about two seconds."""
_WARMINGS = 3
"""Times that slots are warmed while some end; one that stays cold only starts its first chunk later."""


class RayExecutor(Executor):
    """A driver on a running Ray cluster; a chunk is one task of one CPU.

    Ray: retries are off (`max_retries=0`), because the dispatcher owns them, and so is the runtime
    environment: the nodes' own holds, since a differing one costs a late process start.
    """

    def __init__(
        self,
        address: str,
        run_chunk: Callable[[Mapping[str, int | str]], Tally],
        warm: Callable[[], int],
        **of_ray: object,
    ) -> None:
        """Join the cluster at `address`; `of_ray` is said to `ray.init` too."""
        with _own_sigterm():
            ray.init(address=address, log_to_driver=False, configure_logging=False, **of_ray)
        options: dict[str, Any] = {"num_cpus": 1, "max_retries": 0}
        self._run = ray.remote(**options)(run_chunk)
        self._warm = ray.remote(**options)(warm)
        self._refs: dict[int, list[object]] = {}
        self._avoided: dict[str, int] = {}
        """Slots of the nodes on which nothing more is started, by Ray's ids."""

    def warm(self) -> None:
        """Start the slots' processes before the first batch comes."""
        warm: set[int] = set()
        for _ in range(_WARMINGS):
            lost = self._warm_once(warm)
            if not lost:
                break
            log.warning("slots ended while they were warmed, and are warmed again: %s", "; ".join(lost))
        log.info("%s slots are warm", len(warm))

    def _warm_once(self, warm: set[int]) -> list[str]:
        """Start each slot's process and add it to those that are `warm`; return why others ended."""
        # No more than there are slots: Ray's autoscaler would add a node for those that wait.
        refs = [self._warm.remote() for _ in range(self.slots())]
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=_WARM_S)
        lost = []
        for ref in ready:
            try:
                warm.add(ray.get(ref))
            except exceptions.RayError as error:
                lost.append(type(error).__name__)
        return lost

    @override
    def slots(self) -> int:
        try:
            return int(ray.cluster_resources().get("CPU", 0)) - sum(self._avoided.values())
        except (exceptions.RayError, ConnectionError, RuntimeError) as error:
            raise ExecutorLostError(f"Ray is gone: {error}") from error

    @override
    def avoid(self, nodes: Collection[str]) -> None:
        if not nodes:
            self._avoided = {}
            return
        self._avoided = {
            node["NodeID"]: int(node["Resources"].get("CPU", 0))
            for node in ray.nodes()
            if node["Alive"] and {node["NodeName"], node["NodeManagerHostname"]} & set(nodes)
        }

    @override
    def start(self, lease: Lease, done: Callable[[Lease, Tally | Exception], None]) -> None:
        options: dict[str, Any] = {"name": f"{lease.batch_id}[{lease.range.first}:{lease.range.end}]"}
        if self._avoided:
            # Ray: draining the node itself would end it, and with it the only node of a laptop.
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(self._avoided)})"}
        ref = self._run.options(**options).remote(lease.as_json())
        self._refs.setdefault(lease.token, []).append(ref)

        def finished(future: Future[Tally]) -> None:
            self._drop(lease.token, ref)
            error = future.exception()
            done(lease, future.result() if error is None else _as_ours(error))

        ref.future().add_done_callback(finished)

    @override
    def cancel(self, lease: Lease) -> None:
        for ref in self._refs.pop(lease.token, []):
            ray.cancel(ref, force=False)

    def _drop(self, token: int, ref: object) -> None:
        """Let go of a task that has ended: an idle node must hold no objects, or it never shrinks."""
        left = [other for other in self._refs.get(token, ()) if other != ref]
        if left:
            self._refs[token] = left
        else:
            self._refs.pop(token, None)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep what this process does at SIGTERM: `ray.init` puts an exit without a word in its place."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _as_ours(error: BaseException) -> Exception:
    if isinstance(error, exceptions.RayTaskError):
        cause = error.cause
        return cause if isinstance(cause, RayJobsError) and not isinstance(cause, ItemError) else _bug(error)
    if isinstance(error, exceptions.OutOfMemoryError):
        return WorkerOutOfMemoryError(f"Ray ended the slot for want of memory: {error}")
    return WorkerCrashedError(f"the slot's process ended: {type(error).__name__}")


def _bug(error: exceptions.RayTaskError) -> Exception:
    return RuntimeError(str(error))

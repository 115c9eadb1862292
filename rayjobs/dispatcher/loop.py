"""The dispatcher: claims chunks, starts them on slots, settles what comes back.

One dispatcher is active at a time. Its loop is one thread that waits at one inbox; a second thread keeps
the lead and the leases alive, a third listens for new work, a fourth tidies, others list sources. What it
holds in memory is the chunks in flight; everything else stands in the registry and the record. Where the
registry has lost what it knew, the loop restores it from the record, between two turns, and goes on.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from rayjobs.dispatcher.in_flight import InFlight
from rayjobs.dispatcher.liveness import show_liveness
from rayjobs.errors import (
    BackendError,
    LeaseLostError,
    NotFoundError,
    OutputNoSpaceError,
    RayJobsError,
    RecordUnreadableError,
)
from rayjobs.lifecycle import pausing, purge, reaper
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.lifecycle.tidying import Tidying
from rayjobs.model.item import Fault
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.worker import Worker
from rayjobs.ports import Executor, Registry
from rayjobs.record import journal
from rayjobs.record.layout import Record
from rayjobs.request.expand import expand
from rayjobs.request.sources import Sources
from rayjobs.settings import Settings

log = logging.getLogger(__name__)

_TICK_S = 1.0
"""Between two looks at what nobody announces: a lost registry, expired leases, batches to close, slots."""
_CHECK_S = 5.0
"""Between two comparisons of the registry with the record: how long a single batch may be missing."""
_LEAVE_S = 5.0
"""Longest wait for what is in flight by a dispatcher that leaves, save for items that are in hand by then."""
_BACK_OFF_S = 0.5
"""Before a chunk that the store or the registry refused is tried again."""

Finished = tuple[Lease, Tally | Exception]


class Dispatcher:
    """Leads, and serves the queue as long as it leads."""

    def __init__(
        self, registry: Registry, record: Record, executor: Executor, settings: Settings, holder: str
    ) -> None:
        self._registry = registry
        self._record = record
        self._executor = executor
        self._settings = settings
        self._holder = holder
        self._sources = Sources(settings, record.store)
        self._pace = Pace(settings.chunk_floor_ms, settings.chunk_cap_ms)
        self._inbox: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()
        self._flight = InFlight(settings)
        self._listing: set[str] = set()
        self._deposed = threading.Event()
        self._left = threading.Event()
        self._bug: Exception | None = None
        self._recovery = Recovery(registry, record)
        self._tidying = Tidying(record, settings)
        self._leader = 0
        self._has_taken_over = False
        self._slots = 0
        self._ticked_at = 0.0
        self._checked_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Wait for the lead and serve until `stop` is set, then leave in good order.

        Raises:
            LeaseLostError: Another dispatcher took over.
            ExecutorLostError: Ray is gone; leave and start anew.
            Exception: Whatever ended one of its threads: without that it is no dispatcher any more.
        """
        self._wait_for_lead(stop)
        if stop.is_set():
            return
        tidy = partial(self._tidy, stop)
        for work, until in ((self._keep_alive, self._left), (self._listen, stop), (tidy, stop)):
            threading.Thread(target=self._forever, args=(work, until), daemon=True).start()
        while not stop.is_set():
            show_liveness(self._settings.liveness)
            self._patiently(self._turn)
            if self._bug is not None:
                raise self._bug
            if self._deposed.is_set():
                raise LeaseLostError(f"{self._holder} no longer leads")
        self._patiently(self._leave)

    def _wait_for_lead(self, stop: threading.Event) -> None:
        while not stop.is_set():
            show_liveness(self._settings.liveness)
            try:
                if self._lead():
                    log.info("leading with token %s", self._leader)
                    return
            except BackendError as error:
                log.warning("waiting for the registry: %s", error)
            stop.wait(self._settings.leader_s / 6)

    def _lead(self) -> bool:
        """Become or stay the leader: under another token where a lost registry did not know of the lead."""
        token = self._registry.lead(self._holder, self._settings.leader_s)
        self._leader = token or self._leader
        return token is not None

    def _take_over(self) -> None:
        """Take back at once what the dispatcher before had in flight: its tasks ended with it."""
        purge.carry_out(self._registry, self._record)  # one that died half way, if there is one
        if not self._restore_if_lost():
            for lease in self._registry.leases():
                reaper.take_back(lease, self._registry, self._record, split=False)
        self._has_taken_over = True

    def _restore_if_lost(self) -> bool:
        """Restore the registry if it has lost what it knew; return whether that was so."""
        if self._registry.restored():
            return False
        self._recovery.restore(self._flight.leases())
        return True

    def _turn(self) -> None:
        """Handle what has come back, then fill the window."""
        if not self._has_taken_over:
            self._take_over()
        for lease, result in self._arrivals():
            self._settle(lease, result)
        if time.monotonic() - self._ticked_at > _TICK_S:
            self._tick()
        room = int(self._slots * self._settings.window) - len(self._flight)
        claimed = self._claim(room) if room > 0 else []
        for lease in claimed:
            self._flight.start(lease)
            self._start(lease)
        if len(claimed) < room:  # nothing waits
            for lease in self._flight.stragglers(self._slots - len(self._flight)):
                log.info("run a second time", extra={"batch": lease.batch_id, "first": lease.range.first})
                self._start(lease)

    def _start(self, lease: Lease) -> None:
        self._executor.start(lease, lambda done, result: self._inbox.put((done, result)))

    def _claim(self, most: int) -> list[Lease]:
        try:
            return self._registry.claim(self._leader, self._slots, self._pace, most)
        except LeaseLostError:
            if not self._lead():  # not just forgotten by a registry that lost its memory
                self._deposed.set()
            return []

    def _arrivals(self) -> list[Finished]:
        """Wait for something to come back or to be queued; return all that has."""
        found: list[Finished] = []
        try:
            first = self._inbox.get(timeout=_TICK_S / 2)
            while True:
                if first is not None:
                    found.append(first)
                first = self._inbox.get_nowait()
        except queue.Empty:
            return found

    def _settle(self, lease: Lease, result: Tally | Exception) -> None:
        """Give a lease back; its chunk stays in flight until the registry has taken it."""
        if not self._flight.land(lease, whole=isinstance(result, Tally)):
            return
        try:
            self._give_back(lease, result)
        except (BackendError, OutputNoSpaceError) as error:
            log.warning("settled later: %s", error, extra={"batch": lease.batch_id})
            threading.Timer(_BACK_OFF_S, self._inbox.put, args=((lease, result),)).start()
        except (RayJobsError, AssertionError):
            raise
        except Exception as error:  # this batch's alone; the lease runs out and is taken back
            log.exception("a chunk can't be settled", extra={"batch": lease.batch_id})
            self._abort(lease.batch_id, Fault.unforeseen("settling a chunk", error))
            self._flight.end(lease)

    def _give_back(self, lease: Lease, result: Tally | Exception) -> None:
        try:
            tally = (
                result
                if isinstance(result, Tally)
                else reaper.tally_of(lease, result, self._registry, self._record)
            )
            if tally.halt:
                pausing.pause(lease.batch_id, tally.halt, self._registry)
            settled = self._registry.settle(lease, tally)
            if settled.closable:
                reaper.close(lease.batch_id, self._registry, self._record)
        except (LeaseLostError, NotFoundError) as error:
            if lease in self._flight and self._restore_if_lost():  # and the lease with it
                self._inbox.put((lease, result))
                return
            # Taken back, purged with its run, or the second copy of a chunk.
            log.warning("late result refused: %s", error, extra={"batch": lease.batch_id})
        if self._flight.end(lease):
            self._executor.cancel(lease)  # the other copy, if there is one

    def _tick(self) -> None:
        workers = self._registry.workers()
        self._executor.avoid({w.pod or w.node for w in workers if w.draining})
        self._slots = self._executor.slots()
        self._restore_if_lost()
        if time.monotonic() - self._checked_at > _CHECK_S:
            self._recovery.check(self._flight.leases())
            self._checked_at = time.monotonic()
        self._take_back_what_is_lost(workers)
        for batch_id in self._registry.overdue():
            reaper.expire(batch_id, self._registry)
        for batch_id in self._registry.closable():
            reaper.close(batch_id, self._registry, self._record)
        for batch_id in self._registry.expanding():
            if batch_id not in self._listing:
                self._listing.add(batch_id)
                threading.Thread(target=self._expand, args=(batch_id,), daemon=True).start()
        journal.write(self._registry, self._record)
        self._ticked_at = time.monotonic()

    def _take_back_what_is_lost(self, workers: Sequence[Worker]) -> None:
        for lease in self._flight.look(workers):
            self._executor.cancel(lease)
            self._flight.end(lease)
            reaper.take_back(lease, self._registry, self._record, split=True)
        for lease in self._registry.leases(expired=True):
            if lease not in self._flight:
                reaper.take_back(lease, self._registry, self._record, split=True)

    def _expand(self, batch_id: str) -> None:
        try:
            expand(batch_id, self._registry, self._record, self._sources)
        except NotFoundError:
            log.info("batch was purged while it was listed", extra={"batch": batch_id})
        except RecordUnreadableError as error:
            pausing.pause_unreadable(batch_id, error, self._registry)
        except BackendError as error:
            log.warning("listing is tried again: %s", error, extra={"batch": batch_id})
        except Exception as error:  # the same would come at each tick
            log.exception("listing can't go on", extra={"batch": batch_id})
            if not self._abort(batch_id, Fault.unforeseen("the listing of its source", error)):
                return  # it stays among those that are listed: this dispatcher never begins it again
        self._listing.discard(batch_id)

    def _abort(self, batch_id: str, why: Fault) -> bool:
        """End a batch that met what nobody foresaw; return False where even that can't be done."""
        try:
            pausing.abort(batch_id, why, self._registry)
        except BackendError as error:
            log.warning("ended later: %s", error, extra={"batch": batch_id})
        except Exception:
            log.exception("batch can't be ended", extra={"batch": batch_id})
            return False
        return True

    def _keep_alive(self) -> None:
        """Prolong the lead and the leases in flight, from a thread that does nothing else."""
        if not self._lead():
            self._deposed.set()
        for lease in self._registry.renew(self._flight.leases()):
            if self._flight.end(lease):  # else it was just settled
                log.warning("lease lost", extra={"batch": lease.batch_id, "first": lease.range.first})
                self._executor.cancel(lease)
        self._deposed.wait(min(self._settings.lease_s, self._settings.leader_s) / 3)

    def _listen(self) -> None:
        if self._registry.wait(_TICK_S):
            self._ticked_at = 0.0
            self._inbox.put(None)

    def _tidy(self, stop: threading.Event) -> None:
        self._tidying.run()
        stop.wait(self._tidying.interval_s)

    def _forever(self, work: Callable[[], None], until: threading.Event) -> None:
        try:
            while not (until.is_set() or self._deposed.is_set()):
                self._patiently(work)
        except Exception as error:
            log.exception("a thread of the dispatcher has ended")
            self._bug = error

    def _patiently(self, work: Callable[[], None]) -> None:
        """Do `work`; while the registry or the store is away, or full, say so and come back to it."""
        try:
            work()
        except (BackendError, OutputNoSpaceError) as error:
            log.warning("%s", error)
            self._deposed.wait(_BACK_OFF_S)

    def _leave(self) -> None:
        """Settle what ends in time and give the rest back, so that the next dispatcher need not wait.

        A slot that has an item in hand is waited for: the item, not the chunk, is what takes long.
        """
        self._collect(_LEAVE_S)
        self._give_up(self._flight.idle(self._registry.workers()))
        self._collect(self._settings.item_deadline_s)
        self._left.set()
        self._give_up(self._flight.leases())
        self._registry.resign(self._holder)

    def _collect(self, limit_s: float) -> None:
        until = time.monotonic() + limit_s
        while len(self._flight) and time.monotonic() < until and not self._deposed.is_set():
            show_liveness(self._settings.liveness)
            for lease, result in self._arrivals():
                self._patiently(partial(self._settle, lease, result))

    def _give_up(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            self._executor.cancel(lease)
            self._flight.end(lease)
            reaper.take_back(lease, self._registry, self._record, split=False)

"""Polls the batches of a run, and on a cluster the worker group, until both are at rest."""

import time
from collections import deque
from dataclasses import dataclass

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.load_test.live_table import LiveTable
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_cli.polling import ticks
from rayjobs_cli.targets.client import Client
from rayjobs_cli.targets.observe import Observe

_SPEED_S = 3.0
"""Time over which images per second are counted: as long as a person reads the table."""
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class Pace:
    """How often a run is polled, and how long it may stay as it is."""

    poll_s: float = 0.25
    """Between two snapshots: even a run of a few seconds makes a curve."""
    stall_s: float = 120.0
    """Limit without one more finished item."""
    descent_s: float = 240.0
    """Limit until the worker group is as small as it can be."""


ON_A_CLUSTER = Pace(poll_s=1.0)
"""Slower: each poll goes through a port-forward, and pods need minutes."""


class Poller:
    """Polls a run from the moment it is made; `snapshots` has all that it saw, in order."""

    def __init__(
        self, client: Client, table: LiveTable, observe: Observe | None, pace: Pace | None = None
    ) -> None:
        self.snapshots: list[Snapshot] = []
        self._client = client
        self._table = table
        self._observe: Observe = observe or (lambda: (None, ()))
        self._pace = pace or (ON_A_CLUSTER if observe else Pace())
        self._start = time.monotonic()
        self._done_over_time: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._sent: list[str] = []
        if observe:
            observe()  # drops the events from before the run

    def until_ended(self, sent: list[str]) -> None:
        """Poll until the batches with these ids have ended.

        Raises:
            CommandError: The batches were purged, or no item was finished within the limit.
        """
        self._sent = sent
        done, moved_s = 0, 0.0
        for _ in ticks(_LONGEST_S, self._pace.poll_s):
            snapshot = self._poll()
            if snapshot.ended:
                return
            if snapshot.done > done:
                done, moved_s = snapshot.done, snapshot.t_s
            elif snapshot.t_s - moved_s > self._pace.stall_s:
                break
        detail = f"No picture was finished for {self._pace.stall_s:g} s."
        raise CommandError("stalled", detail, "See the logs that deploy.py names.", ExitStatus.FAILED)

    def until_at_rest(self) -> None:
        """Poll until the worker group is as small as it can be, or until the limit."""
        group = self.snapshots[-1].group_status
        for _ in ticks(self._pace.descent_s, self._pace.poll_s):
            if group is None or group.is_at_rest:
                return
            group = self._poll().group_status

    def _poll(self) -> Snapshot:
        known = {batch["id"]: batch for batch in self._client.batches()}
        batches = tuple(known[one] for one in self._sent if one in known)
        if len(batches) < len(self._sent):
            raise CommandError(
                "purged", "Somebody purged the system during the run.", "Run again.", ExitStatus.FAILED
            )
        workers, queue = tuple(self._client.workers()), self._client.queue()
        group, events = self._observe()
        now_s = time.monotonic() - self._start
        done = Snapshot(now_s, batches).done
        snapshot = Snapshot(now_s, batches, workers, queue, self._speed(now_s, done), group, events)
        had_ended = bool(self.snapshots) and self.snapshots[-1].ended
        self.snapshots.append(snapshot)
        self._table.show(snapshot, is_last=snapshot.ended and not had_ended)
        return snapshot

    def _speed(self, now_s: float, done: int) -> float:
        self._done_over_time.append((now_s, done))
        # The oldest entry that stays is the last one that is a whole period old.
        while now_s - self._done_over_time[1][0] > _SPEED_S:
            self._done_over_time.popleft()
        then_s, before = self._done_over_time[0]
        return (done - before) / (now_s - then_s) if now_s > then_s else 0.0

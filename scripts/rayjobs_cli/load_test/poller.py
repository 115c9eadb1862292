"""Follows a run: looks at its batches, and on a cluster at the worker group, until both have come to rest."""

import time
from collections import deque

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.load_test.snapshot import Snapshot
from rayjobs_cli.load_test.watch import Watch
from rayjobs_cli.polling import ticks
from rayjobs_cli.targets.client import Client
from rayjobs_cli.targets.observe import Observe

LOOK_S = 0.25
"""Between two looks: a run of a few seconds still makes a curve."""
LOOK_AT_CLUSTER_S = 1.0
"""The same through a port-forward, at what takes minutes."""
SPEED_S = 3.0
"""Time over which images a second are counted, as long as a person's look at the table."""
STALL_S = 120.0
"""Without a single item more in this time, nothing more is expected."""
DESCENT_S = 240.0
"""Longest wait for the worker group to be as small as it can be."""
_LONGEST_S = 24 * 3600.0


class Poller:
    """Looks at a run from the moment it is made; `seen` is all that it saw."""

    def __init__(self, client: Client, watch: Watch, observe: Observe | None) -> None:
        self.seen: list[Snapshot] = []
        self._client = client
        self._watch = watch
        self._observe: Observe = observe or (lambda: (None, ()))
        self._look_s = LOOK_AT_CLUSTER_S if observe else LOOK_S
        self._start = time.monotonic()
        self._history: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._sent: list[str] = []
        if observe:
            observe()  # what happens from here on is of this run

    def until_ended(self, sent: list[str]) -> None:
        """Look until these batches have ended.

        Raises:
            CommandError: They were purged, or nothing moves.
        """
        self._sent = sent
        done, moved_s = 0, 0.0
        for _ in ticks(_LONGEST_S, self._look_s):
            seen = self._look()
            if seen.ended:
                return
            if seen.done > done:
                done, moved_s = seen.done, seen.t_s
            elif seen.t_s - moved_s > STALL_S:
                break
        detail = f"No picture was finished for {STALL_S:g} s."
        raise CommandError("stalled", detail, "See the logs that deploy.py names.", ExitStatus.FAILED)

    def until_at_rest(self) -> None:
        """Look on until the worker group is as small as it can be, or for as long as that may take."""
        standing = self.seen[-1].standing
        for _ in ticks(DESCENT_S, self._look_s):
            if standing is None or standing.is_at_rest:
                return
            standing = self._look().standing

    def _look(self) -> Snapshot:
        known = {batch["id"]: batch for batch in self._client.batches()}
        batches = tuple(known[one] for one in self._sent if one in known)
        if len(batches) < len(self._sent):
            raise CommandError(
                "purged", "Somebody purged the system while it worked.", "Run again.", ExitStatus.FAILED
            )
        workers, queue = tuple(self._client.workers()), self._client.queue()
        standing, events = self._observe()
        now_s = time.monotonic() - self._start
        done = Snapshot(now_s, batches).done
        seen = Snapshot(now_s, batches, workers, queue, self._speed(now_s, done), standing, events)
        had_ended = bool(self.seen) and self.seen[-1].ended
        self.seen.append(seen)
        self._watch.show(seen, is_last=seen.ended and not had_ended)
        return seen

    def _speed(self, now_s: float, done: int) -> float:
        self._history.append((now_s, done))
        # The oldest look that stays is the last one that lies a whole period back.
        while now_s - self._history[1][0] > SPEED_S:
            self._history.popleft()
        then_s, before = self._history[0]
        return (done - before) / (now_s - then_s) if now_s > then_s else 0.0

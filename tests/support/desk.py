"""Two APIs and a dispatcher on one registry and one record, each step of which a test can come between."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from rayjobs.errors import LeaseLostError, NotFoundError
from rayjobs.lifecycle import reaper
from rayjobs.lifecycle.recovery import Recovery
from rayjobs.model.item import Fault, Outcome
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.ports import Registry, Store
from rayjobs.record import journal
from rayjobs.record.layout import Record
from rayjobs.service.queries import Queries
from rayjobs.service.submissions import Submissions
from rayjobs.settings import Settings

STEPS = ("put", "put_new", "delete")
"""Calls of a store that change something; of a registry, each call is a step."""


class Between:
    """Stands round a registry or a store; calls `come` before each step, with its name."""

    def __init__(self, inner: object, come: Callable[[str], None], steps: Sequence[str] = ()) -> None:
        self._inner = inner
        self._come = come
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or (self._steps and name not in self._steps):
            return found

        def step(*args: Any, **options: Any) -> Any:
            self._come(name)
            return found(*args, **options)

        return step


class Api:
    """One API process: its own registry client, its own record."""

    def __init__(self, registry: Registry, store: Store, settings: Settings) -> None:
        self.registry: Any = Between(registry, self._come)
        self.record = Record(Between(store, self._come, STEPS))
        self.intake = Submissions(self.registry, self.record, settings)
        self.history = Queries(registry, Record(store))
        self.steps: list[str] = []
        self.before: Callable[[str, int], None] = lambda _name, _number: None

    def _come(self, name: str) -> None:
        self.steps.append(name)
        self.before(name, len(self.steps))


def once(name: str, do: Callable[[], object]) -> Callable[[str, int], None]:
    """Return a hook that does something before the first step of this name."""
    left = [do]

    def before(step: str, _number: int) -> None:
        if step == name and left:
            left.pop()()

    return before


class Bench:
    """A dispatcher that a test moves by hand; items in `bad` fail."""

    def __init__(self, registry: Registry, store: Store, settings: Settings) -> None:
        self.registry, self.record = registry, Record(store)
        self.recovery = Recovery(registry, self.record)
        self.apis = [Api(registry, store, settings) for _ in range(2)]
        self.bad: set[int] = set()
        self.held: list[Lease] = []
        self.recovery.restore(())

    def claim(self, most: int = 1) -> list[Lease]:
        leader = self.registry.lead("bench", 3600)
        assert leader is not None
        claimed = self.registry.claim(leader, 1, Pace(), most)
        self.held += claimed
        return claimed

    def commit(self, lease: Lease) -> Tally:
        fault = Fault("truncated", "cut", retryable=True)
        outcomes = [
            Outcome(i, "failed", 1, "w", 1.0, error=fault)
            if i in self.bad
            else Outcome(i, "succeeded", 1, "w", 1.0)
            for i in lease.range.indices()
        ]
        bad = sum(one.state == "failed" for one in outcomes)
        counts = {"succeeded": len(outcomes) - bad, "failed": bad}
        return self.record.commit(lease, outcomes, Tally(counts, {"truncated": bad} if bad else {}))

    def finish_held(self) -> None:
        """Run what was claimed; what was taken away by a purge or a loss is refused."""
        held, self.held = self.held, []
        for lease in held:
            with suppress(LeaseLostError, NotFoundError):
                self.registry.settle(lease, self.commit(lease))

    def work(self) -> None:
        """Run what waits, close what can be closed."""
        self.finish_held()
        while self.claim():
            self.finish_held()
        for batch_id in self.registry.closable():
            reaper.close(batch_id, self.registry, self.record)
        journal.write(self.registry, self.record)

    def restore(self) -> None:
        """Restore a registry that was lost; what runs goes on."""
        self.recovery.restore(self.held)

    def settle_down(self) -> None:
        """Do what a dispatcher does within seconds of whatever happened."""
        if not self.registry.restored():
            self.restore()
        self.recovery.check(self.held)
        self.work()

"""Both registries under the same calls in any order, with losses and new dispatchers in between: they agree.

The record is real too: after a loss, both are restored from it, and must stand as they stood.
"""

import uuid
from dataclasses import asdict, replace
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import ConflictError, LeaseLostError
from rayjobs.model.batch import TERMINAL, Verb
from rayjobs.model.item import Fault, Item, Outcome
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Registry
from rayjobs.record.layout import Record
from rayjobs.record.replay import replay
from rayjobs.settings import Settings
from tests.support.documents import DOCUMENT
from tests.support.redis_server import RedisServer

PACE = Pace(floor_ms=2, cap_ms=5)


class Twins(RuleBasedStateMachine):
    """Each call goes to both; what they hand out differs in its tokens alone."""

    server: RedisServer

    @initialize()
    def begin(self) -> None:
        namespace = f"model-{uuid.uuid4().hex[:8]}"
        self.settings = Settings(namespace=namespace, lease_s=3600, redis_url=self.server.url)
        self.memory = MemoryRegistry(self.settings)
        self.redis = RedisRegistry.connect(self.settings)
        self.record = Record(MemoryStore())
        self.leases: list[tuple[Lease, Lease]] = []
        self.stale: list[tuple[Lease, Lease]] = []
        self.known: list[str] = []
        for registry in self.both:
            registry.enlist([], last=True)

    @override
    def teardown(self) -> None:
        with self.server.client as client:
            for key in client.scan_iter(f"{self.settings.namespace}:*"):
                client.unlink(key)

    @property
    def both(self) -> tuple[Registry, Registry]:
        return self.memory, self.redis

    @rule(total=st.integers(1, 12), exact=st.booleans(), priority=st.integers(-1, 1))
    def submit(self, total: int, priority: int, *, exact: bool) -> None:
        batch_id = f"b_{len(self.known):03d}"
        self.record.seal_page(batch_id, 0, [Item(i, f"/{i}") for i in range(total)])
        if exact:
            self.record.seal(batch_id, total)
        document = DOCUMENT | {"priority": priority}
        new = NewBatch(batch_id, total, exact, priority, document, created_ms=5)
        self.record.open(batch_id, new.spec)
        for registry in self.both:
            registry.submit(new)
        self.known.append(batch_id)

    @rule(data=st.data())
    @precondition(lambda self: self.known)
    def seal(self, data: st.DataObject) -> None:
        batch_id = data.draw(st.sampled_from(self.known))
        if not self.record.listing(batch_id).sealed and self.memory.get(batch_id).state not in TERMINAL:
            self.record.seal(batch_id, self.record.listing(batch_id).total)
            for registry in self.both:
                registry.seal(batch_id)

    @rule(most=st.integers(1, 3), holder=st.sampled_from(["one", "two"]))
    def claim(self, most: int, holder: str) -> None:
        """Claim; another holder than the last one is a new dispatcher."""
        claimed = []
        for registry in self.both:
            leader = registry.leader()
            if leader not in (None, holder):
                registry.resign(leader or "")
            token = registry.lead(holder, 3600)
            assert token is not None
            claimed.append(registry.claim(token, 2, PACE, most))
        pairs = list(zip(*claimed, strict=True))
        assert all((a.batch_id, a.range) == (b.batch_id, b.range) for a, b in pairs)
        self.leases += pairs

    @rule(data=st.data(), failed=st.booleans(), again=st.booleans(), committed=st.booleans())
    @precondition(lambda self: self.leases)
    def settle(self, data: st.DataObject, *, failed: bool, again: bool, committed: bool) -> None:
        """Settle; where it is only committed, a process has ended between the two."""
        pair = data.draw(st.sampled_from(self.leases))
        tally, outcomes = ending(pair[0], failed=failed, again=again)
        written = self.record.commit(pair[0], outcomes, tally)
        if committed:
            return
        self.leases.remove(pair)
        self.stale.append(pair)
        answers = [registry.settle(lease, written) for registry, lease in zip(self.both, pair, strict=True)]
        assert answers[0] == answers[1]

    @rule(data=st.data())
    @precondition(lambda self: self.stale)
    def settle_again(self, data: st.DataObject) -> None:
        pair = data.draw(st.sampled_from(self.stale))
        for registry, lease in zip(self.both, pair, strict=True):
            try:
                registry.settle(lease, Tally({"succeeded": lease.range.count}))
            except LeaseLostError:
                continue
            raise AssertionError("a lease was settled twice")

    @rule(data=st.data(), verb=st.sampled_from([Verb.PAUSE, Verb.RESUME]))
    @precondition(lambda self: self.known)
    def steer(self, data: st.DataObject, verb: Verb) -> None:
        batch_id = data.draw(st.sampled_from(self.known))
        refused = []
        for registry in self.both:
            try:
                registry.steer(batch_id, verb, "test")
            except ConflictError:
                refused.append(registry)
        assert len(refused) in (0, 2)

    @rule()
    def renew(self) -> None:
        for twin, registry in enumerate(self.both):
            assert registry.renew([pair[twin] for pair in self.leases]) == []

    @rule()
    @precondition(lambda self: self.known)
    def lose_everything(self) -> None:
        """Both forget it all and are restored from the record: counts are as they were, leases live on."""
        before = {one: self.view(self.memory, one) for one in self.known}
        self.memory.lose()
        with self.server.client as client:
            client.delete(*client.keys(f"{self.settings.namespace}:*"))
        for batch_id in self.known:
            pairs = [pair for pair in self.leases if pair[0].batch_id == batch_id]
            told = replay(self.record, batch_id, [pair[0] for pair in pairs])
            self.memory.restore(told)
            self.redis.restore(replace(told, running=tuple(pair[1] for pair in pairs)))
        for registry in self.both:
            registry.enlist([], last=True)
        for batch_id, was in before.items():
            now = self.view(self.memory, batch_id)
            assert {name: now[name] for name in ("counts", "errors")} == {
                name: was[name] for name in ("counts", "errors")
            }

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "known"):
            return
        for batch_id in self.known:
            assert self.view(self.memory, batch_id) == self.view(self.redis, batch_id)
        queues = [registry.queue() for registry in self.both]
        assert len({(queue.pending, queue.in_flight, queue.leases) for queue in queues}) == 1
        assert sorted(self.memory.closable()) == sorted(self.redis.closable())
        assert sorted(self.memory.unfinished()) == sorted(self.redis.unfinished())

    @staticmethod
    def view(registry: Registry, batch_id: str) -> dict[str, Any]:
        batch = registry.get(batch_id)
        counts = asdict(batch.counts)
        assert sum(counts.values()) - counts["total"] == counts["total"]
        return {"state": batch.state, "counts": counts, "errors": batch.errors_by_code, "exact": batch.exact}


def ending(lease: Lease, *, failed: bool, again: bool) -> tuple[Tally, list[Outcome]]:
    """Return what became of a chunk: its first item may have failed, its last one may have to run again."""
    chunk, fault = lease.range, Fault("truncated", "cut", retryable=True)
    back = [Range(chunk.end - 1, 1, chunk.attempt + 1)] if again else []
    outcomes = [
        Outcome(i, "failed" if failed and i == chunk.first else "succeeded", chunk.attempt, "w", 1.0)
        for i in range(chunk.first, chunk.end - len(back))
    ]
    bad = sum(outcome.state == "failed" for outcome in outcomes)
    outcomes = [replace(o, error=fault) if o.state == "failed" else o for o in outcomes]
    counts = {"succeeded": len(outcomes) - bad, "failed": bad}
    return Tally(counts, {"truncated": bad} if bad else {}, tuple(back), float(len(outcomes))), outcomes


def test_the_twins_agree_whatever_is_called(redis_process: RedisServer) -> None:
    Twins.server = redis_process
    run_state_machine_as_test(
        Twins,
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

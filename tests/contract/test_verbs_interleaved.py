"""Verbs that meet: in whatever order they come, the table says what each does, and both registries agree.

Each call of a registry is atomic, so what concurrent clients can bring about is the sequences of their calls.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import ConflictError, NotFoundError
from rayjobs.model.batch import (
    ENDED,
    ENDINGS,
    TERMINAL,
    TRANSITIONS,
    VERBS,
    Batch,
    Counts,
    State,
    Verb,
    final_state,
    open_state,
)
from rayjobs.model.lease import Lease, Pace, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Registry, Retry
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer

STEERING = (Verb.PAUSE, Verb.RESUME, *ENDINGS)
WORK = ("claim", "succeed", "fail", "give back", "extend", "seal", "close")
Call = Callable[[], object]
EVERYTHING = (*Verb, *WORK)


@dataclass
class Desk:
    """One registry with one batch, and what a dispatcher would hold of it."""

    registry: Registry
    held: list[Lease] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry.enlist([], last=True)  # a verb is judged on a whole run alone
        self.leader = self.registry.lead("me", 60) or 0

    def submit(self, total: int, *, exact: bool, ratio: float | None) -> None:
        document = {"labels": {}, "max_attempts": 3, "deadline_s": None, "max_failed_ratio": ratio}
        self.registry.submit(NewBatch("b_1", total, exact, 0, document))

    def do(self, what: str) -> str:
        """Make a call; return what it answered, in a word."""
        try:
            return self._call(what)
        except (ConflictError, NotFoundError) as error:
            return error.code

    def _call(self, what: str) -> str:
        if what in STEERING:
            return self.registry.steer("b_1", Verb(what), "me").state
        if what in ("succeed", "fail", "give back"):
            return self._settle(what)
        batch = self.registry.get("b_1")
        calls: dict[str, Call] = {
            Verb.DELETE: lambda: self.registry.delete("b_1").state,
            Verb.RETRY: lambda: self._retry(batch.counts).state,
            "claim": self._claim,
            "extend": lambda: self.registry.extend("b_1", batch.counts.total + 2),
            "seal": lambda: self.registry.seal("b_1").state,
            "close": lambda: self.registry.close("b_1", final_state(batch.counts, batch.ending)).state,
        }
        return str(calls[what]())

    def _retry(self, counts: Counts) -> Batch:
        again = [Range(900 + i, 1) for i in range(counts.failed + counts.cancelled)]
        errors = {"truncated": counts.failed} if counts.failed else {}
        return self.registry.retry("b_1", Retry(again, errors, counts.cancelled), "me")

    def _claim(self) -> list[int]:
        claimed = self.registry.claim(self.leader, 2, Pace(), 1)
        self.held += claimed
        return [lease.range.count for lease in claimed]

    def _settle(self, how: str) -> str:
        if not self.held:
            return "nothing held"
        lease = self.held.pop(0)
        n = lease.range.count
        tally = {
            "succeed": Tally({"succeeded": n}),
            "fail": Tally({"failed": n}, {"truncated": n}),
            "give back": Tally(again=(lease.range,)),
        }[how]
        return self.registry.settle(lease, tally).state

    def look(self) -> Batch | None:
        try:
            return self.registry.get("b_1")
        except NotFoundError:
            return None


def expected(verb: Verb, batch: Batch, after: Batch) -> State | None:
    """Return the state after a verb as the table says it; None where it is refused."""
    steers = verb in STEERING
    here = (batch.ending or batch.state) if steers else batch.state
    to = VERBS[verb].get(here)
    if to is None or to is here:
        return to and batch.state
    if verb in (Verb.RESUME, Verb.RETRY):
        return open_state(exact=after.exact, started=after.started_ms is not None)
    return to


def check(before: Batch | None, what: str, answer: str, desk: Desk) -> None:
    after = desk.look()
    if before is None or after is None:
        assert answer in ("not_found", "nothing held") or what is Verb.DELETE
        return
    counts = after.counts
    parts = [counts.pending, counts.running, *(getattr(counts, name) for name in ENDED)]
    assert min(parts) >= 0
    assert sum(parts) == counts.total
    assert counts.running == sum(lease.range.count for lease in desk.held)
    if before.state is State.PAUSED and what == "claim":
        assert answer == "[]"
    if isinstance(what, Verb):
        to = expected(what, before, after)
        assert answer == ("conflict" if to is None else to), f"{what} while {before.state}"
        if to in (None, before.state):
            assert (after.state, after.counts, after.ending) == (before.state, before.counts, before.ending)


def check_log(desk: Desk) -> None:
    moves = desk.registry.moves(batch_id="b_1")
    assert all(after.state in TRANSITIONS[before.state] for before, after in pairwise(moves))


def seen(batch: Batch | None) -> object:
    return batch and (batch.state, batch.counts, batch.ending, batch.exact, batch.errors_by_code, batch.error)


@dataclass
class Pair:
    """Both registries, in step."""

    desks: list[Desk]

    def do(self, what: str) -> str:
        answers = []
        for desk in self.desks:
            before = desk.look()
            answers.append(desk.do(what))
            check(before, what, answers[-1], desk)
        assert answers[0] == answers[1], what
        assert seen(self.desks[0].look()) == seen(self.desks[1].look()), what
        return answers[0]


def registries(server: RedisServer) -> list[Registry]:
    own = Settings(namespace=f"test-{uuid.uuid4().hex[:8]}", redis_url=server.url)
    return [MemoryRegistry(own), RedisRegistry.connect(own)]


@settings(max_examples=100, deadline=None)
@given(
    total=some.integers(1, 4),
    listed=some.sampled_from(["all", "so far"]),
    ratio=some.sampled_from([None, 0.0, 0.5]),
    calls=some.lists(some.sampled_from(EVERYTHING), max_size=25),
)
def test_any_interleaving_follows_the_table_on_both_registries(
    redis_process: RedisServer, total: int, listed: str, ratio: float | None, calls: list[str]
) -> None:
    pair = Pair([Desk(registry) for registry in registries(redis_process)])
    for desk in pair.desks:
        desk.submit(total, exact=listed == "all", ratio=ratio)
    for what in [*calls, "resume", "seal"]:
        pair.do(what)
    while pair.do("claim") not in ("[]", "not_found") or pair.desks[0].held:
        pair.do("succeed")
    pair.do("close")
    for desk in pair.desks:
        check_log(desk)
        ended = desk.look()
        assert ended is None or ended.state in TERMINAL


PATHS: dict[State, list[str]] = {
    State.EXPANDING: ["extend"],
    State.QUEUED: ["extend", "seal"],
    State.RUNNING: ["extend", "seal", "claim"],
    State.PAUSED: ["extend", "seal", "claim", "pause"],
    State.FINALIZING: ["extend", "seal", "claim", "cancel"],
    State.SUCCEEDED: ["extend", "seal", *["claim", "succeed"] * 2, "close"],
    State.PARTIAL: ["extend", "seal", "claim", "fail", "claim", "succeed", "close"],
    State.FAILED: ["extend", "seal", *["claim", "fail"] * 2, "close"],
    State.CANCELLED: ["cancel", "close"],
    State.EXPIRED: ["expire", "close"],
}
"""How to reach each state."""


@pytest.mark.parametrize("state", list(State))
def test_two_verbs_that_meet_have_a_result_in_every_state(state: State) -> None:
    for verbs in product(Verb, Verb):
        desk = Desk(MemoryRegistry(Settings()))
        desk.submit(0, exact=False, ratio=None)
        for call in PATHS[state]:
            desk.do(call)
        reached = desk.look()
        assert reached is not None
        assert reached.state is state
        for verb in verbs:
            before = desk.look()
            check(before, verb, desk.do(verb), desk)
        check_log(desk)

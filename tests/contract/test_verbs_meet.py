"""The rule of every verb, with two APIs: between any two steps of one verb comes another one, or a loss.

Decide in the registry under a token, write the record under that token, answer last; what the record says to
have ended is never contradicted; whoever restores may only add what the record says.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import count

import orjson
import pytest

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.adapters.memory.store import MemoryStore
from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import ConflictError, NotFoundError, RegistryUnavailableError
from rayjobs.model.batch import TERMINAL, Batch, State, Verb
from rayjobs.ports import Registry
from rayjobs.record.replay import replay, view
from rayjobs.settings import Settings
from tests.support.desk import Api, Bench
from tests.support.system import THUMB

BODY = {"source": {"type": "samples", "count": 4}, "pipeline": THUMB}
REFUSED = (ConflictError, NotFoundError, RegistryUnavailableError)
CALLS: dict[str, Callable[[Api, str], object]] = {
    "pause": lambda api, one: api.intake.steer(one, Verb.PAUSE),
    "resume": lambda api, one: api.intake.steer(one, Verb.RESUME),
    "cancel": lambda api, one: api.intake.steer(one, Verb.CANCEL),
    "retry": lambda api, one: api.intake.retry(one),
    "delete": lambda api, one: api.intake.delete(one),
    "purge": lambda api, _: api.intake.purge("cancel"),
}
MET = (*CALLS, "loss", "flush", "retry and work", "work")
"""What comes in between: a verb of the other API, a loss that is restored at once or not yet, or work."""
STATES = ("queued", "running", "paused", "partial", "forgotten")


@dataclass
class Scene:
    """One batch in a state, two APIs, and which verbs were answered with success."""

    registry: Registry
    lose: Callable[[], None]
    store: MemoryStore = field(default_factory=MemoryStore)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bench = Bench(self.registry, self.store, Settings(heartbeat_s=0.1))
        self.one, self.two = self.bench.apis

    def begin(self, state: str) -> None:
        self.paused = state == "paused"
        self.id = self.one.intake.submit(BODY)[0].id
        if state in ("running", "paused"):
            self.bench.claim()
        if state == "paused":
            self.one.intake.steer(self.id, Verb.PAUSE)
        if state in ("partial", "forgotten"):
            self.bench.bad = {1, 2}
            self.bench.work()
            self.bench.bad = set()
        if state == "forgotten":  # its retention is over
            self.registry.forget(self.id)
        self.one.steps.clear()

    def do(self, api: Api, what: str) -> None:
        if what in ("loss", "flush"):
            self.lose()
            if what == "loss":
                self.bench.restore()
        elif what == "work":
            self.bench.work()
        else:
            verb = what.split(maxsplit=1)[0]
            try:
                CALLS[verb](api, self.id)
            except REFUSED:
                return
            self.said.append(verb)
            if "work" in what:
                self.bench.work()

    def succeeded(self) -> set[int]:
        return {index for index, state in self.items().items() if state == "succeeded"}

    def items(self) -> dict[int, str]:
        lines = [orjson.loads(line) for line in self.one.history.results(self.id)]
        return {line["index"]: line["state"] for line in lines}

    def check(self) -> None:
        """What holds in the end, whatever met."""
        for _ in range(2):
            self.bench.settle_down()
        if "delete" in self.said:
            for api in (self.one, self.two):
                with pytest.raises(NotFoundError):
                    api.history.batch(self.id)
            assert self.id not in self.registry.unfinished()
            return
        batch = self.two.history.batch(self.id)
        counts = asdict(batch.counts)
        shown = Counter(self.items().values())
        assert {name: n for name, n in counts.items() if n and name != "total"} == shown
        told = view(replay(self.bench.record, self.id), "")
        assert asdict(told.counts) == counts
        self._check_answers(batch)

    def _check_answers(self, batch: Batch) -> None:
        said = set(self.said)
        if batch.state in TERMINAL:
            closed = self.bench.record.closed(self.id)
            assert closed is not None
            assert closed["state"] == batch.state
        else:
            assert batch.state is State.PAUSED
            assert "pause" in said or self.paused
        if "cancel" in said and "purge" not in said:
            assert batch.state is State.CANCELLED
        if "pause" in said and not said & {"resume", "cancel", "purge", "retry"}:
            assert batch.state is State.PAUSED or not batch.counts.pending
        if "retry" in said and not said & {"pause", "cancel", "purge"}:
            assert batch.state is State.SUCCEEDED


@pytest.fixture(params=["memory", "redis"])
def scenes(request: pytest.FixtureRequest) -> Callable[[], Scene]:
    """Return what makes a scene on a registry of its own."""
    if request.param == "memory":

        def on_memory() -> Scene:
            # A loss takes no time in memory: two changes of a state could have one id, as never in Redis.
            # So this clock goes on by a millisecond each time that it is read.
            ticks = count(time.time_ns() // 1_000_000)
            memory = MemoryRegistry(Settings(), lambda: next(ticks) / 1000)
            return Scene(memory, memory.lose)

        return on_memory
    server = request.getfixturevalue("redis_process")

    def on_redis() -> Scene:
        namespace = f"meet-{uuid.uuid4().hex[:8]}"
        registry = RedisRegistry.connect(Settings(namespace=namespace, redis_url=server.url))

        def lose() -> None:
            with server.client as client:
                client.delete(*client.keys(f"{namespace}:*"))

        return Scene(registry, lose)

    return on_redis


@pytest.mark.parametrize("met", MET)
@pytest.mark.parametrize("verb", list(CALLS))
def test_between_any_two_steps_of_a_verb_another_may_come(
    scenes: Callable[[], Scene], verb: str, met: str
) -> None:
    for state in STATES:
        for number in count(1):
            scene = scenes()
            scene.begin(state)
            before = scene.succeeded()

            def come(_name: str, here: int, scene: Scene = scene, at: int = number) -> None:
                if here == at:
                    scene.do(scene.two, met)

            scene.one.before = come
            scene.do(scene.one, verb)
            reached = len(scene.one.steps)
            where = (
                f"{verb} of a {state} batch, {met} before step {number} of {scene.one.steps}: {scene.said}"
            )
            try:
                scene.check()
                assert before <= scene.succeeded() or "delete" in scene.said
            except NotFoundError:
                assert "delete" in scene.said, where
            except AssertionError as error:
                raise AssertionError(where) from error
            if reached < number:
                break

"""Every stream of a batch that has ended ends with `end`, or is refused with 204: its state says so.

Events get lost in many ways; in each, a stream is open before the loss, one is opened while the registry is
behind the record, and one after it was restored.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import RegistryUnavailableError
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.support.redis_server import RedisServer, free_port, redis_server
from tests.support.system import System, farm
from tests.support.waiting import wait_until

BODY_S = 20.0


@dataclass
class Stream:
    """One client that follows a batch in a thread of its own until its stream ends."""

    url: str
    after: str | None = None
    status: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        headers = {"Last-Event-ID": self.after} if self.after else {}
        with requests.get(self.url, headers=headers, stream=True, timeout=BODY_S) as answer:
            told: dict[str, Any] = {}
            for line in map(bytes.decode, answer.iter_lines(chunk_size=1)):
                name, _, value = line.partition(": ")
                if name in ("id", "event"):
                    told[name] = value
                elif name == "data":
                    self.events.append(told | {"data": json.loads(value)})
                    told = {}
            self.status = answer.status_code

    @property
    def last(self) -> str:
        return str(self.events[-1]["event"])

    def has_ended(self) -> "Stream":
        self._thread.join(BODY_S)
        assert not self._thread.is_alive(), f"the stream is still open after {self.events}"
        return self


@dataclass
class Service:
    """A farm on a Redis of its own, and an API in front of it."""

    farm: System
    server: RedisServer
    url: str
    go_on: threading.Event

    def follow(self, batch_id: str, after: str | None = None) -> Stream:
        return Stream(f"{self.url}/batches/{batch_id}/events", after)

    def lead(self) -> threading.Event:
        """Start a dispatcher whose slots stop in the middle of a batch until they may go on."""

        def run(raw: Any) -> Any:
            assert raw["first"] < 6 or self.go_on.wait(30)
            return self.farm.run_chunk(raw)

        return self.farm.dispatch(run)

    def submit(self, pictures: Path) -> str:
        return self.farm.submit({"type": "folder", "path": str(pictures)})

    def is_away(self) -> None:
        """Take the dispatcher away, so that nothing is restored until the next one comes."""
        self.farm.close()
        self.farm.threads.clear()


@pytest.fixture
def service(farm_settings: Settings, tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as stack:
        server = stack.enter_context(redis_server(tmp_path / "redis"))
        settings = farm_settings.model_copy(update={"redis_url": server.url})
        whole = stack.enter_context(farm(settings, RedisRegistry.connect(settings)))
        app, port = create_app(settings), free_port()
        api = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
        thread = threading.Thread(target=api.run, daemon=True)
        thread.start()
        wait_until(lambda: api.started, 10, "the API listens")
        found = Service(whole, server, f"http://127.0.0.1:{port}", threading.Event())
        yield found
        found.go_on.set()
        app.state.core.closing.set()
        api.should_exit = True
        thread.join(10)


Loss = Callable[[Service, str], object]


def flush(service: Service, _: str) -> None:
    service.server.flush()


def purge(service: Service, _: str) -> None:
    service.farm.intake.purge("cancel")


def old_copy(service: Service, _: str) -> None:
    """Put back what Redis had in its journal when the batch was not there, or was just begun."""
    service.server.put_back()


def retention(service: Service, batch_id: str) -> None:
    """Forget the batch alone, as Redis does when its time is over; the run stays restored."""
    service.farm.registry.forget(batch_id)


def events_alone(service: Service, batch_id: str) -> None:
    """Lose the events and keep the batch, as a Redis that evicts keys may do."""
    with service.server.client as client:
        [key] = client.scan_iter(f"*:events:{batch_id}")
        client.delete(key)


LOSSES = [flush, purge, old_copy, retention, events_alone]


@pytest.mark.parametrize("loss", LOSSES)
def test_streams_of_a_batch_that_had_ended(service: Service, pictures: Path, loss: Loss) -> None:
    service.go_on.set()
    service.lead()
    before = service.submit(pictures)
    service.server.keep()
    done = service.farm.finished(before)
    whole = service.follow(before).has_ended()
    assert whole.last == "end"
    service.is_away()
    loss(service, before)
    after = [None, whole.events[1]["id"], whole.events[-1]["id"]]
    behind = [service.follow(before, one).has_ended() for one in after]
    assert behind[0].last == "end", "a client that has seen nothing is told"
    for stream in behind:
        assert stream.status == 204 or stream.last == "end"
        for event in stream.events:
            if event["event"] == "end":
                assert event["data"]["state"] == done.state
                assert event["data"]["counts"]["succeeded"] == 12
    assert service.farm.history.batch(before).state is done.state
    service.lead()
    wait_until(service.farm.registry.restored, 10, "the registry is restored")
    for one in after:
        stream = service.follow(before, one).has_ended()
        assert stream.status == 204 or stream.last == "end"
    assert service.farm.history.batch(before).state is done.state


@pytest.mark.parametrize("loss", LOSSES)
def test_streams_of_a_batch_that_ends_after_the_loss(service: Service, pictures: Path, loss: Loss) -> None:
    service.lead()
    batch_id = service.submit(pictures)
    service.server.keep()
    wait_until(lambda: service.farm.history.batch(batch_id).counts.done >= 5, 10, "a part is done")
    before = service.follow(batch_id)
    wait_until(lambda: before.events, 10, "the stream is open")
    loss(service, batch_id)
    during = service.follow(batch_id)
    service.go_on.set()
    if loss is old_copy:  # a stream ends when the registry goes away, and its client comes back
        before.has_ended()
        before = service.follow(batch_id, before.events[-1]["id"])
    wait_until(
        lambda: service.farm.record.closed(batch_id) is not None, 30, "the batch has ended in the record"
    )
    for stream in (before, during, service.follow(batch_id)):
        stream.has_ended()
        assert stream.status == 204 or stream.last == "end"


@pytest.mark.parametrize("loss", [flush, old_copy])
def test_a_registry_that_is_behind_is_not_believed(service: Service, pictures: Path, loss: Loss) -> None:
    """An old Redis told an ended batch as one that is listed; a flushed one listed nothing, with 200."""
    service.go_on.set()
    service.lead()
    batch_id = service.submit(pictures)
    service.server.keep()
    done = service.farm.finished(batch_id)
    later = service.submit(pictures)
    service.farm.finished(later)
    service.is_away()
    loss(service, batch_id)
    seen = requests.get(f"{service.url}/batches/{batch_id}", timeout=10).json()
    assert (seen["state"], seen["counts"]["succeeded"]) == (done.state, 12)
    listed = requests.get(f"{service.url}/batches", timeout=10).json()["batches"]
    assert [(one["id"], one["state"]) for one in listed] == [(later, "succeeded"), (batch_id, "succeeded")]


def test_what_the_record_told_of_an_open_batch_is_not_taken_back(service: Service, pictures: Path) -> None:
    stop = service.lead()
    batch_id = service.submit(pictures)
    wait_until(lambda: service.farm.history.batch(batch_id).counts.done >= 5, 10, "a part is done")
    requests.post(f"{service.url}/batches/{batch_id}/pause", timeout=10).raise_for_status()
    before = service.farm.history.batch(batch_id)
    service.go_on.set()
    stop.set()
    service.is_away()
    service.server.flush()
    behind = service.farm.history.batch(batch_id)
    assert behind.state == before.state == "paused"
    assert behind.counts.done >= before.counts.done
    service.lead()
    wait_until(service.farm.registry.restored, 10, "the registry is restored")
    assert service.farm.history.batch(batch_id).counts.done >= behind.counts.done
    assert service.farm.history.batch(batch_id).state == "paused"


def test_a_batch_that_a_repeated_key_has_answered_is_listed_at_once(
    service: Service, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request wrote the record and lost Redis; the dispatcher would find the batch in seconds."""
    service.lead()
    wait_until(service.farm.registry.restored, 10, "the registry is restored")
    monkeypatch.setattr("rayjobs.dispatcher.loop._CHECK_S", 3600.0)
    body = {"source": {"type": "folder", "path": str(pictures)}, "pipeline": []}
    with monkeypatch.context() as lost:
        lost.setattr(type(service.farm.registry), "submit", _away)
        service.farm.intake.submit(body, idempotency_key="k")
    batch, created = service.farm.intake.submit(body, idempotency_key="k")
    page = service.farm.history.page(limit=9, cursor=None, state=None, label=None)
    assert (created, [one.id for one in page.batches]) == (False, [batch.id])


def _away(*_: object) -> None:
    raise RegistryUnavailableError("Redis does not answer")

import json
import queue
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from typing_extensions import override

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.errors import RegistryUnavailableError
from rayjobs.ports import Event
from rayjobs.settings import Settings
from rayjobs_api.streaming import events
from rayjobs_api.streaming.notifier import Notifier, Subscription
from tests.support.system import System
from tests.support.waiting import wait_until
from tests.unit.api.asking import problem_of, submitted


def parsed(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream as a browser reads them."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def test_a_stream_tells_of_states_and_progress_and_ends(client: TestClient, whole: System) -> None:
    batch_id = submitted(client)
    response = client.get(f"/batches/{batch_id}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    found = parsed(response.text)
    assert [each["data"]["state"] for each in found if each["event"] == "state"] == [
        "queued",
        "running",
        "finalizing",
        "succeeded",
    ]
    assert found[-1]["event"] == "end"
    assert found[-1]["data"]["counts"]["succeeded"] == 3
    assert whole.finished(batch_id).counts.succeeded == 3


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_stream_resumes_behind_the_last_event_that_was_seen(
    client: TestClient, whole: System, by: str
) -> None:
    batch_id = submitted(client)
    whole.finished(batch_id)
    path = f"/batches/{batch_id}/events"
    everything = parsed(client.get(path).text)
    last = everything[1]["id"]
    rest = (
        client.get(path, headers={"Last-Event-ID": last})
        if by == "header"
        else client.get(f"{path}?last_event_id={last}")
    )
    assert parsed(rest.text) == everything[2:]


def test_after_the_end_a_browser_is_told_not_to_come_back(client: TestClient, whole: System) -> None:
    batch_id = submitted(client)
    whole.finished(batch_id)
    path = f"/batches/{batch_id}/events"
    last = parsed(client.get(path).text)[-1]["id"]
    assert client.get(path, headers={"Last-Event-ID": last}).status_code == 204


@pytest.mark.parametrize("last", ["one", "1-", "-1", "1" * 20, "1-" + "9" * 30, "\u0661-1"])
def test_an_id_that_is_not_ours_is_refused(client: TestClient, last: str) -> None:
    response = client.get(f"/batches/{submitted(client)}/events", params={"last_event_id": last})
    [error] = problem_of(response, 422, "invalid_request").errors
    assert error.pointer == "/last_event_id"


def progress(number: int) -> Event:
    return Event(str(number), "progress", {"counts": {"succeeded": number}})


def test_of_several_steps_of_progress_only_the_last_is_told() -> None:
    state, end = Event("3", "state", {}), Event("6", "end", {})
    assert events.thinned([progress(1), progress(2), state, progress(4), progress(5), end]) == [
        state,
        progress(5),
        end,
    ]
    assert events.thinned([]) == []


def collected(read: events.Read, closing: Callable[[], bool] = lambda: False) -> list[bytes]:
    async def run() -> list[bytes]:
        return [chunk async for chunk in events.feed(read, [], None, closing, nullcontext(Subscription()))]

    return anyio.run(run)


def test_a_silent_stream_says_that_it_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_LOOK_S", 0.01)
    monkeypatch.setattr(events, "_KEEP_ALIVE_S", 0.02)
    looks = iter([[], [], [], [], [], [], [Event("1", "end", {})]])
    chunks = collected(lambda _: list(next(looks)))
    assert b": still here\n\n" in chunks
    assert chunks[-1].startswith(b"id: 1\nevent: end\n")


def test_a_stream_ends_when_the_registry_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_LOOK_S", 0.01)

    def away(_: str | None) -> list[Event]:
        raise RegistryUnavailableError("Redis does not answer")

    assert collected(away) == [b"retry: 1000\n\n"]


def test_a_stream_ends_when_the_server_does() -> None:
    assert collected(lambda _: [], closing=lambda: True) == [b"retry: 1000\n\n"]


class Announced(MemoryRegistry):
    """Of which a test says itself what moves."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.ids: queue.SimpleQueue[str] = queue.SimpleQueue()

    @override
    def moved(self, timeout_s: float) -> str | None:
        with suppress(queue.Empty):
            return self.ids.get(timeout=timeout_s)
        return None


def test_a_stream_is_woken_by_its_own_batch_alone() -> None:
    registry = Announced()
    bell = Notifier(registry, threading.Event())

    async def run() -> None:
        with bell.listening("b_1") as mine, bell.listening("b_2") as other:
            await mine.wait(60)  # the look at once
            await other.wait(60)
            registry.ids.put("b_1")
            with anyio.fail_after(10):
                await mine.wait(60)
            with anyio.move_on_after(0.05) as scope:
                await other.wait(60)
            assert scope.cancelled_caught

    anyio.run(run)
    registry.ids.put("b_3")
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "bell"], 5, "nobody listens")


def test_without_the_registry_a_stream_still_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_LOOK_S", 0.01)

    class Away(MemoryRegistry):
        @override
        def moved(self, timeout_s: float) -> str | None:
            raise RegistryUnavailableError("Redis does not answer")

    looks = iter([[], [], [Event("1", "end", {})]])
    closing = threading.Event()
    bell = Notifier(Away(Settings()), closing)

    async def run() -> list[bytes]:
        feed = events.feed(lambda _: list(next(looks)), [], None, closing.is_set, bell.listening("b_1"))
        return [chunk async for chunk in feed]

    assert anyio.run(run)[-1].startswith(b"id: 1\nevent: end\n")
    closing.set()

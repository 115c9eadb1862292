"""A batch's events as server-sent events. Source: HTML Living Standard, section 9.2."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager

import anyio
import orjson
from anyio import to_thread

from rayjobs.errors import InvalidRequestError, Problem, RayJobsError
from rayjobs.ports import Event
from rayjobs_api.streaming.notifier import Subscription

_LOOK_S = 0.25
"""Between two looks at the registry by a stream that nobody wakes: progress comes 4 times a second."""
_KEEP_ALIVE_S = 15.0
"""Silence after which a comment is sent, so that no proxy takes the stream for dead."""
_RETRY_MS = 1000
_ID = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")
"""Two numbers that fit into 64 bits, as Redis has them."""

Read = Callable[[str | None], list[Event]]
"""Returns the events behind the one with this id."""

_log = logging.getLogger("rayjobs_api.streaming.events")


def checked_id(last: str | None) -> str | None:
    """Return the id to resume after; raises `InvalidRequestError` if it can't be one of ours."""
    if last and not _ID.fullmatch(last):
        problem = Problem("/last_event_id", "not_allowed", "this is not the id of an event", actual=last[:80])
        raise InvalidRequestError(problem.detail, [problem])
    return last or None


def nothing_follows(found: Sequence[Event], after: str | None) -> bool:
    """Whether all that is behind the event with id `after` is that the batch has ended."""
    return len(found) == 1 and found[0].kind == "end" and found[0].id == after


async def feed(
    read: Read,
    found: list[Event],
    after: str | None,
    closing: Callable[[], bool],
    listening: AbstractContextManager[Subscription],
) -> AsyncIterator[bytes]:
    """Give the events in `found` and those that follow, until the batch has ended or `closing()`.

    A registry that goes away ends the stream: the client comes back with its last id, and learns more then.
    """
    yield b"retry: %d\n\n" % _RETRY_MS
    spoke_at = anyio.current_time()
    with listening as ring:
        while not closing():
            for event in thinned(found):
                yield encoded(event)
            if found:
                after, spoke_at = found[-1].id, anyio.current_time()
                if found[-1].kind == "end":
                    return
            elif anyio.current_time() - spoke_at >= _KEEP_ALIVE_S:
                yield b": still here\n\n"
                spoke_at = anyio.current_time()
            await ring.wait(_LOOK_S)
            try:
                found = await to_thread.run_sync(read, after)
            except RayJobsError as error:
                _log.warning("a stream of events ends: %s", error)
                return


def thinned(events: Sequence[Event]) -> list[Event]:
    """Return the events without those that tell of progress and are followed by a later one."""
    latest = max((i for i, event in enumerate(events) if event.kind == "progress"), default=None)
    return [event for i, event in enumerate(events) if event.kind != "progress" or i == latest]


def encoded(event: Event) -> bytes:
    """Return an event as it is sent."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: ".encode() + orjson.dumps(event.data) + b"\n\n"

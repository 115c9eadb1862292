import asyncio
import logging
from collections.abc import Iterator

import pytest
from starlette.types import Message

from rayjobs.errors import RegistryUnavailableError, StoreUnavailableError
from rayjobs_api.streaming.streamed import Streamed

SCOPE = {"type": "http", "method": "GET", "path": "/batches/b_1/results", "state": {"request_id": "mine"}}


def sent(pieces: Iterator[bytes]) -> list[Message]:
    """Return what reaches the server of an answer in pieces."""
    messages: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(Streamed(pieces)(SCOPE, receive, send))
    return messages


def until(error: Exception) -> Iterator[bytes]:
    yield b"half"
    raise error


def test_what_comes_to_its_end_is_ended() -> None:
    *_, last = sent(iter([b"all"]))
    assert last["more_body"] is False


@pytest.mark.parametrize(
    "error", [RegistryUnavailableError("Redis is gone"), StoreUnavailableError("a disk"), OSError(5, "EIO")]
)
def test_what_breaks_off_is_not_ended_and_told_in_one_line(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    messages = sent(until(error))
    assert [one.get("body") for one in messages] == [None, b"half"]
    assert messages[-1]["more_body"] is True
    [line] = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage() == f"GET /batches/b_1/results breaks off after 4 bytes: {error}"
    assert (vars(line)["request_id"], line.exc_info) == ("mine", None)


def test_a_fault_of_ours_is_not_taken_for_a_break() -> None:
    with pytest.raises(ZeroDivisionError):
        sent(until(ZeroDivisionError()))

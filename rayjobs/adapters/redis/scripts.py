"""The Lua scripts: each behind the shared prelude, with layout, state machine and error codes filled in.

A script that begins with `#!lua flags=allow-oom` runs although Redis has reached `maxmemory`: those by which
work in hand goes on and makes room. All others are refused then, before they have written anything.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from rayjobs.adapters.redis.keys import lua_table
from rayjobs.errors import (
    TOO_MANY_FAILED,
    ConflictError,
    IdempotencyMismatchError,
    IllegalTransitionError,
    LeaseLostError,
    NotFoundError,
    QueueFullError,
    RayJobsError,
    RegistryBehindError,
    RegistryFullError,
    RegistryUnavailableError,
    TooManyFailedError,
)
from rayjobs.model.batch import ENDINGS, ENOUGH, OVERDUE, TRANSITIONS, VERBS

_FOLDER = Path(__file__).parent / "lua"
_REFUSALS: dict[str, tuple[type[RayJobsError], str]] = {
    "NOT_FOUND": (NotFoundError, "there is no batch {0!r}"),
    "BEHIND": (RegistryBehindError, "the run {0} is being restored from the record; try again in a moment"),
    "NO_WORKER": (NotFoundError, "no worker {0!r} is registered"),
    "CONFLICT": (ConflictError, "the batch is {0}, which does not allow this"),
    "OVERDUE": (ConflictError, OVERDUE),
    "RESERVED": (ConflictError, "{0} is being retried; try again when it has ended"),
    "IDEMPOTENCY": (IdempotencyMismatchError, "this Idempotency-Key made {0} from another body"),
    "QUEUE_FULL": (
        QueueFullError,
        "{0} batches wait, the limit is RAYJOBS_MAX_WAITING_BATCHES; come back when one has ended",
    ),
    "LEASE_LOST": (LeaseLostError, "the lease {0} is no longer held"),
    "NOT_LEADER": (LeaseLostError, "another dispatcher leads, with token {0}"),
    "OOM": (RegistryFullError, "Redis is full, it has reached its maxmemory: {0}"),
}
"""The first word of a script's error, and what it is for us."""


class Scripts:
    """Calls scripts by name on one Redis, and turns every error into one of ours."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        follows = json.dumps({state.value: sorted(after) for state, after in TRANSITIONS.items()})
        prelude = (_FOLDER / "prelude.lua").read_text("utf-8")
        tables = {
            "transitions": follows,
            "verbs": json.dumps(VERBS),
            "endings": json.dumps(ENDINGS),
            "enough": str(ENOUGH),
            "too_many_failed": TooManyFailedError.code,
            "too_many_failed_detail": TOO_MANY_FAILED,
        }
        prelude = prelude.replace("-- @layout@", lua_table())
        for name, table in tables.items():
            prelude = prelude.replace(f"@{name}@", table)
        self._namespace = namespace
        self._scripts = {
            path.stem: client.register_script(_behind(prelude, path.read_text("utf-8")))
            for path in _FOLDER.glob("*.lua")
            if path.stem != "prelude"
        }

    def __call__(self, name: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
        """Run a script; arguments that are None are left out, `nil` to the script."""
        given = {key: value for key, value in arguments.items() if value is not None}
        with redis_errors():
            answer = self._scripts[name](args=[self._namespace, json.dumps(given)])
        return json.loads(answer)


def _behind(prelude: str, script: str) -> str:
    """Return a script with its prelude; what Redis reads first stays first."""
    flags, rest = script.split("\n", 1) if script.startswith("#!") else ("", script)
    return f"{flags}\n{prelude}{rest}" if flags else prelude + rest


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn the client library's errors into ours, with the cause kept."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise RegistryUnavailableError(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        raise _refusal(str(error)) from error


def _refusal(text: str) -> BaseException:
    code, _, detail = text.partition(" ")
    if "ILLEGAL" in text:
        return IllegalTransitionError(text)
    if code in _REFUSALS:
        cls, message = _REFUSALS[code]
        return cls(message.format(detail))
    return RegistryUnavailableError(f"Redis refused: {text}")

"""Keeps what breaks one batch, its record or what nobody foresaw, from all the others."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from rayjobs.errors import RayJobsError, RecordUnreadableError

log = logging.getLogger(__name__)


@contextmanager
def isolated(batch_id: str) -> Iterator[None]:
    """Log what is wrong with a batch, once, and go on with the next one.

    What is told of our own by other errors, and an `AssertionError`, are the caller's.
    """
    try:
        yield
    except RecordUnreadableError as error:
        _say(batch_id, error.detail)
    except (RayJobsError, AssertionError):
        raise
    except Exception as error:  # noqa: BLE001 - told; the next process would meet it at the same batch
        _say(batch_id, f"unforeseen {type(error).__name__}: {error}\n{traceback.format_exc()}")


@lru_cache(1024)
def _say(batch_id: str, detail: str) -> None:
    log.error("%s", detail, extra={"batch": batch_id})

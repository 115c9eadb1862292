"""Keeps what one batch's unreadable record breaks from all the others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from rayjobs.errors import RecordUnreadableError

log = logging.getLogger(__name__)


@contextmanager
def isolated(batch_id: str) -> Iterator[None]:
    """Log what can't be read of a batch's record, once, and go on with the next batch."""
    try:
        yield
    except RecordUnreadableError as error:
        _say(batch_id, error.detail)


@lru_cache(1024)
def _say(batch_id: str, detail: str) -> None:
    log.error("%s", detail, extra={"batch": batch_id})

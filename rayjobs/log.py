"""Structured logs: one JSON object a line on stderr, the same field names everywhere."""

import json
import logging
import sys
from datetime import UTC, datetime

from typing_extensions import override

FIELDS = ("batch", "item", "first", "worker", "request_id")
"""What a log call may name in `extra`."""


class _JsonLines(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": record.name,
            "text": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def leaving(part: str, why: Exception) -> None:
    """Say why this process ends; without a trace, since it is no fault of the code."""
    logging.getLogger(part).error("leaving: %s", why)


def set_up(level: int = logging.INFO) -> None:
    """Send the logs of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)

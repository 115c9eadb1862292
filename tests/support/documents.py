"""What a batch's record keeps of its request."""

from typing import Any

DOCUMENT: dict[str, Any] = {
    "source": {"type": "samples", "count": 12},
    "pipeline": [],
    "input": {},
    "output": {},
    "labels": {},
    "priority": 0,
    "max_attempts": 3,
    "deadline_s": None,
    "max_failed_ratio": None,
}

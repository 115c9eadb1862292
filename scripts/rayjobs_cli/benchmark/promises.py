"""Measures the promises besides speed: a fast first result, a fast answer, and few bytes in Redis."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import redis

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.polling import until
from rayjobs_cli.targets.client import Client

_TIMES = 9
"""Repetitions of a short measurement."""
_NAMES = 10_000
"""Paths of the large request."""
_ITEMS = 1_000_000
"""Items of the large batch."""
_LISTED_S = 120.0
_QUIET_S = 30.0


def measure(client: Client, picture: Path, redis_url: str) -> dict[str, float]:
    """Measure a warm system without work; the function purges it in between.

    Args:
        client: Of the system.
        picture: A small one under an allowed root.
        redis_url: Of the Redis that only this system uses.
    """
    return {
        "first_result_ms": _first_result_ms(client, picture),
        "post_10000_paths_ms": _large_request_ms(client, picture),
        "redis_bytes_an_image": _bytes_an_image(client, redis_url),
    }


def _first_result_ms(client: Client, picture: Path) -> float:
    """Return the time from a POST of one picture until its batch has ended."""
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        client.ended(client.submit(_batch([picture]))["id"])
        times.append((time.perf_counter() - start) * 1000)
    return round(median(times), 1)


def _large_request_ms(client: Client, picture: Path) -> float:
    """Return the time from a POST of 10,000 paths to its answer, as the client sees it."""
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        client.submit(_batch([picture] * _NAMES))
        times.append((time.perf_counter() - start) * 1000)
        client.purge()
        _await(lambda: not client.queue()["in_flight"], _QUIET_S, "the queue is empty after a purge")
    return round(median(times), 1)


def _bytes_an_image(client: Client, redis_url: str) -> float:
    """Return the bytes in Redis for each item of a batch of 10^6 items that runs."""
    with redis.Redis.from_url(redis_url) as server:
        return _taken_by_a_large_batch(client, server) / _ITEMS


def _taken_by_a_large_batch(client: Client, server: "redis.Redis") -> int:
    before = _used_bytes(server)
    batch = client.submit({"source": {"type": "samples", "count": _ITEMS}, "pipeline": []})["id"]
    _await(lambda: bool(client.batch(batch)["exact"]), _LISTED_S, "a batch of 10^6 is listed")
    taken = _used_bytes(server) - before
    client.purge()
    return taken


def _used_bytes(server: "redis.Redis") -> int:
    return int(server.info("memory")["used_memory"])


def _batch(pictures: list[Path]) -> dict[str, Any]:
    paths = [str(path) for path in pictures]
    return {"source": {"type": "paths", "paths": paths}, "pipeline": [{"name": "thumbnail", "size": 256}]}


def _await(holds: Callable[[], bool], limit_s: float, what: str) -> None:
    if not until(holds, limit_s):
        raise CommandError("bench_failed", f"Not within {limit_s:g} s: {what}.", status=ExitStatus.FAILED)

"""Measures the system with a million items: speed, memory, latency, recovery from the loss of Redis."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from rayjobs_cli import arguments
from rayjobs_cli.benchmark import simulation
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.polling import ticks, until
from rayjobs_cli.targets import variables
from rayjobs_cli.targets.client import Client, first_key
from rayjobs_cli.targets.local import readiness, services
from rayjobs_cli.targets.local.plan import LOOPBACK, free_ports

_OWN = dict.fromkeys(
    ("REDIS_URL", "RAY_ADDRESS", "RAYJOBS_STORE"), "This measurement starts all that it measures."
)
_ITEMS = 1_000_000
_SIMULATED = 100_000_000
_START_S = 60.0
_STALL_S = 120.0
_POLL_S = 0.2
_SAMPLE_S = 1.0

_AnswerT = TypeVar("_AnswerT")


@dataclass
class Figures:
    """The figures of a measurement."""

    items: int
    seconds: float = 0.0
    items_per_s: float = 0.0
    commit_files: int = 0
    redis_keys: int = 0
    redis_bytes_an_item: float = 0.0
    """Peak memory of Redis above that of an empty Redis, divided by the items."""
    restored_s: float = 0.0
    """From the flush to counts that are exact again, as a client sees it."""
    api_ms: dict[str, float] = field(default_factory=dict)
    rss_mib: dict[str, dict[str, float]] = field(default_factory=dict)
    """Process -> its mean in the first, middle and last third of the run."""


def main() -> int:
    """Run the command; return the exit status."""
    parser = arguments.parser(
        "python scripts/scale.py",
        "Run a batch of a million items with an engine that does nothing, flush Redis when half of the\n"
        "items are done, and measure speed, memory, latency and recovery.",
        "--items 1000000",
        "--simulate",
    )
    parser.add_argument(
        "--items",
        type=arguments.count,
        metavar="N",
        help=f"items of the batch ({_ITEMS}; with --simulate {_SIMULATED})",
    )
    parser.add_argument(
        "--simulate",
        action="store_true",
        help="run no pictures: measure claims, commit files and recoveries of a part of the batch, in "
        "less than two minutes, and extrapolate",
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _scale(given), as_json=given.json)


def _scale(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    folder = given.state / "scale"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    figures: Figures | simulation.Figures
    try:
        if given.simulate:
            with _redis_alone(folder) as url:
                figures = simulation.measure(url, str(folder / "store"), given.items or _SIMULATED)
        else:
            with _system(folder) as system:
                figures = _Run(system, given.items or _ITEMS, terminal).measure()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, value in asdict(figures).items():
        terminal.say(f"{name.replace('_', ' ')}: {value}")
    if given.json:
        print(json.dumps(asdict(figures)))
    return ExitStatus.DONE


@dataclass(frozen=True)
class _System:
    client: Client
    redis: redis.Redis
    processes: dict[str, psutil.Process]
    store: Path


@contextmanager
def _redis_alone(folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"redis://{LOOPBACK}:{port}/0"
    with _processes(folder, {"redis": _server(folder, port)}, dict(os.environ)):
        with redis.Redis.from_url(url, retry=Retry(ConstantBackoff(_POLL_S), 50)) as client:
            client.ping()
        yield url


def _server(folder: Path, port: int) -> tuple[str, ...]:
    place = ("--port", str(port), "--bind", LOOPBACK, "--dir", str(folder))
    return (services.redis_program(), *place, "--save", "", "--appendonly", "yes")


@contextmanager
def _processes(
    folder: Path, commands: Mapping[str, tuple[str, ...]], environment: Mapping[str, str]
) -> Iterator[dict[str, psutil.Process]]:
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        yield {name: psutil.Process(one.pid) for name, one in running.items()}
    finally:
        for one in reversed(running.values()):
            one.terminate()
            one.wait()


@contextmanager
def _system(folder: Path) -> Iterator[_System]:
    variables.refuse(os.environ, _OWN)
    redis_port, api_port = free_ports(2)
    environment = os.environ | {
        "REDIS_URL": f"redis://{LOOPBACK}:{redis_port}/0",
        "RAYJOBS_STORE": str(folder / "store"),
        "PYTHONUTF8": "1",
    }
    commands = {
        "redis": _server(folder, redis_port),
        "dispatcher": (sys.executable, "-m", "rayjobs_cli.benchmark.noop_slots"),
        "api": (sys.executable, "-m", "rayjobs_api", "--host", LOOPBACK, "--port", str(api_port)),
    }
    with _processes(folder, commands, environment) as processes:
        url = f"http://{LOOPBACK}:{api_port}"
        if not until(lambda: readiness.answers(f"{url}/readyz"), _START_S, _POLL_S):
            raise CommandError("not_ready", f"Not ready within {_START_S:g} s.")
        with redis.Redis.from_url(environment["REDIS_URL"], decode_responses=True) as client:
            yield _System(Client(url, first_key(os.environ)), client, processes, folder / "store")


class _Run:
    def __init__(self, system: _System, items: int, terminal: Terminal) -> None:
        self._system = system
        self._figures = Figures(items)
        self._terminal = terminal
        self._latencies: list[float] = []
        self._rss: dict[str, list[float]] = {name: [] for name in system.processes}
        self._redis_bytes: list[int] = []

    def measure(self) -> Figures:
        figures = self._figures
        empty = self._memory()
        start = time.monotonic()
        source = {"type": "samples", "count": figures.items}
        batch_id = str(self._system.client.submit({"source": source, "pipeline": []})["id"])
        self._watch(batch_id, figures.items // 2)
        figures.redis_bytes_an_item = round((max(self._redis_bytes) - empty) / figures.items, 4)
        figures.redis_keys = self._system.redis.dbsize()
        figures.restored_s = self._flush(batch_id)
        self._watch(batch_id, figures.items)
        figures.seconds = round(time.monotonic() - start, 1)
        figures.items_per_s = round(figures.items / figures.seconds)
        figures.commit_files = len(list((self._system.store / "record" / batch_id / "results").iterdir()))
        cuts = statistics.quantiles(self._latencies, n=100)
        figures.api_ms = {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "calls": len(self._latencies)}
        figures.rss_mib = {name: _thirds(seen) for name, seen in self._rss.items()}
        return figures

    def _watch(self, batch_id: str, goal: int) -> None:
        """Poll the system as its clients do, until `goal` items are done."""
        done, moved_at, sampled_at = -1, time.monotonic(), 0.0
        for _ in ticks(24 * 3600, _POLL_S):
            counts = self._timed(partial(self._system.client.batch, batch_id))["counts"]
            self._timed(self._system.client.queue)
            self._timed(partial(self._system.client.some_items, batch_id))
            if time.monotonic() - sampled_at >= _SAMPLE_S:
                sampled_at = time.monotonic()
                self._sample()
                self._terminal.say(f"{counts['succeeded']} of {counts['total']}", style="dim")
            if counts["succeeded"] >= goal:
                return
            if counts["succeeded"] > done:
                done, moved_at = counts["succeeded"], time.monotonic()
            elif time.monotonic() - moved_at > _STALL_S:
                raise CommandError("stalled", f"No item ended for {_STALL_S:g} s.", status=ExitStatus.FAILED)

    def _timed(self, call: Callable[[], _AnswerT]) -> _AnswerT:
        began = time.perf_counter()
        answer = call()
        self._latencies.append((time.perf_counter() - began) * 1000)
        return answer

    def _sample(self) -> None:
        for name, process in self._system.processes.items():
            self._rss[name].append(process.memory_info().rss / 2**20)
        self._redis_bytes.append(self._memory())

    def _memory(self) -> int:
        return int(self._system.redis.info("memory")["used_memory"])

    def _flush(self, batch_id: str) -> float:
        before = self._system.client.batch(batch_id)["counts"]["succeeded"]
        began = time.monotonic()
        self._system.redis.flushall()

        def is_back() -> bool:
            return bool(self._system.redis.keys("rayjobs:*:restored"))

        if not until(is_back, _STALL_S, 0.01):
            raise CommandError("not_restored", "The registry was not restored.", status=ExitStatus.FAILED)
        seconds = time.monotonic() - began
        batch = self._system.client.batch(batch_id)
        if batch["counts"]["succeeded"] < before:
            raise CommandError(
                "lost", f"{before} items were done, {batch['counts']} after.", status=ExitStatus.FAILED
            )
        return round(seconds, 2)


def _thirds(seen: list[float]) -> dict[str, float]:
    third = max(len(seen) // 3, 1)
    parts = {"first": seen[:third], "middle": seen[third : 2 * third], "last": seen[-third:]}
    return {name: round(statistics.mean(part), 1) for name, part in parts.items() if part}

"""The harness of the faults: one batch, run undisturbed and disturbed on one stack: what must be equal."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from rayjobs.adapters.redis.keys import LAYOUT
from rayjobs.engine.slot_status import SlotStatusReader
from rayjobs_cli.exit_status import CommandError
from tests.support.batches import ENDS, finished, look, outputs, submit
from tests.support.proxy import Proxy, proxy_to
from tests.support.redis_server import RedisServer, redis_server
from tests.support.stack import Stack, running
from tests.support.waiting import wait_until

COUNT = 40
SOURCE = {"type": "samples", "count": COUNT}
PIPELINE = [{"name": "resize", "width": 1000, "height": 700}, {"name": "blur", "radius": 2}]
BACK_S = 60.0
"""Until everything is whole again, on a busy machine."""


@dataclass(frozen=True)
class Run:
    """What is left of a batch that ran."""

    seconds: float
    counts: dict[str, int]
    errors_by_code: dict[str, int]
    outcomes: tuple[tuple[Any, ...], ...]
    """Of each item: index, source, state, code of its error, SHA-256 of its output."""
    outputs: dict[str, str]
    """SHA-256 of each file by its name: none is missing, none is there besides."""


@dataclass(frozen=True)
class Harmed:
    """A stack of real processes, of which everything may be harmed: Redis stands outside, behind a proxy."""

    stack: Stack
    server: RedisServer
    proxy: Proxy

    def submit(self) -> str:
        """Send the batch that every run is of."""
        return submit(self.stack, SOURCE, PIPELINE)

    def in_the_middle(self, batch_id: str, done: int = 8) -> None:
        """Wait until a good part of the batch is done and a good part is not."""
        wait_until(
            lambda: self.look(batch_id)["counts"]["succeeded"] >= done, BACK_S, "the batch is on its way"
        )
        assert self.look(batch_id)["counts"]["pending"] > 0

    def look(self, batch_id: str) -> dict[str, Any]:
        return look(self.stack, batch_id)

    def run(self, fault: Callable[["Harmed", str], None] | None = None) -> Run:
        """Run the batch, with a fault in the middle of it if there is one, and take stock."""
        start, batch_id = time.monotonic(), self.submit()
        if fault is not None:
            self.in_the_middle(batch_id)
            fault(self, batch_id)
        return self.stock(batch_id, start)

    def stock(self, batch_id: str, start: float) -> Run:
        """Return what is left of a batch when it has ended, with nothing of it left in the queue."""
        batch = self.ended(batch_id)
        seconds = time.monotonic() - start
        items = self.stack.client.items(batch_id)
        wait_until(lambda: self.stack.client.queue()["leases"] == 0, BACK_S, "no lease is left")
        self.check_keys()
        return Run(
            seconds,
            batch["counts"],
            batch["errors_by_code"],
            tuple(
                (
                    i["index"],
                    i["source"],
                    i["state"],
                    i.get("error", {}).get("code"),
                    i.get("output", {}).get("sha256"),
                )
                for i in items
            ),
            {name: hashlib.sha256(data).hexdigest() for name, data in outputs(self.stack, batch_id).items()},
        )

    def ended(self, batch_id: str) -> dict[str, Any]:
        """Return the batch when it has ended; the API may be away for a while."""

        def is_over() -> bool:
            try:
                return self.look(batch_id)["state"] in ENDS
            except (CommandError, requests.RequestException):
                return False

        wait_until(is_over, 2 * BACK_S, f"{batch_id} ends")
        return finished(self.stack, batch_id)

    def check_keys(self) -> None:
        """Fail if there is a key that the layout does not name, or one without a TTL that must have one."""
        with self.server.client as client:
            for key in client.scan_iter("rayjobs:*"):
                parts = key.split(":")
                kind = parts[1] if parts[1] in LAYOUT else parts[2]
                assert client.type(key) == LAYOUT[kind].type, key
                assert LAYOUT[kind].ttl == "permanent" or client.ttl(key) >= 0, f"{key} lives for ever"

    def kill(self, name: str) -> None:
        """Kill a process of the stack, and wait until its supervisor has started another one."""
        old = self.stack.pids[name]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.stack.pids.get(name, old) != old, BACK_S, f"the {name} is started again")

    def is_whole(self) -> None:
        """Wait until everything answers."""
        wait_until(lambda: self.stack.state.ready and self.answers(), BACK_S, "the stack is whole")

    def answers(self) -> bool:
        """Whether the API reaches Redis, and a worker is registered."""
        try:
            return bool(self.stack.client.workers())
        except (CommandError, requests.RequestException):
            return False

    def busy(self) -> list[int]:
        """Return the slots that have an item in hand, by their process numbers."""
        words = SlotStatusReader(Path(self.stack.state.plan.folder) / "slots").statuses()
        return [word.pid for word in words if word.batch_id is not None and psutil.pid_exists(word.pid)]

    def busy_slot(self) -> psutil.Process:
        """Wait until a slot has an item in hand, and return its process."""
        wait_until(self.busy, 20, "a slot has an item in hand")
        return psutil.Process(self.busy()[0])

    def slots_rest(self) -> bool:
        """Whether no slot has an item in hand."""
        return not self.busy()


def assert_equal(clean: Run, faulted: Run, *, slower_s: float) -> None:
    """Fail unless a disturbed run has ended as the undisturbed one, at most `slower_s` later."""
    assert faulted.counts == clean.counts
    assert faulted.errors_by_code == clean.errors_by_code
    assert faulted.outcomes == clean.outcomes
    assert faulted.outputs == clean.outputs
    assert faulted.seconds < clean.seconds + slower_s


@contextmanager
def harmed_stack(folder: Path, environment: Mapping[str, str]) -> Iterator[Harmed]:
    """Give a stack with a Redis of ours behind a proxy; leases are short, so that faults show soon."""
    with redis_server(folder / "redis") as server, proxy_to(server.port) as proxy:
        own = {"REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0", "RAYJOBS_LEASE_S": "3", **environment}
        with running(folder / "stack", environment=own) as stack:
            yield Harmed(stack, server, proxy)

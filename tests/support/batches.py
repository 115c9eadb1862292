"""Batches on a running stack: send one, wait for its end, look at what it wrote."""

from pathlib import Path
from typing import Any

from rayjobs_cli.load_test.verdict import TERMINAL
from tests.support.stack import Stack
from tests.support.waiting import wait_until

ENDS = TERMINAL


def submit(stack: Stack, source: dict[str, Any], pipeline: list[dict[str, Any]], **more: object) -> str:
    return str(stack.client.submit({"source": source, "pipeline": pipeline, **more})["id"])


def look(stack: Stack, batch_id: str) -> dict[str, Any]:
    return dict(stack.client.batch(batch_id))


def finished(stack: Stack, batch_id: str, timeout_s: float = 90) -> dict[str, Any]:
    wait_until(lambda: look(stack, batch_id)["state"] in ENDS, timeout_s, f"{batch_id} reaches its end")
    return look(stack, batch_id)


def outputs(stack: Stack, batch_id: str) -> dict[str, bytes]:
    folder = Path(stack.state.plan.folder) / "store" / "outputs" / batch_id
    return {p.name: p.read_bytes() for p in folder.iterdir()}

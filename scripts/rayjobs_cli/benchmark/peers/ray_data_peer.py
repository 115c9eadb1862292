"""Ray Data over paths, on a Ray of its own; plain Pillow does the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.data import DataContext

from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.peers.serving import Run, Work, processes, serve


def one(row: dict[str, Any]) -> dict[str, Any]:
    """Run one picture through Pillow."""
    pillow_way.work(row["pipeline"], row["picture"], row["output"])
    return {"output": row["output"]}


def work(run: Run) -> None:
    """Run a data set of paths; each block is a chunk."""
    rows = [{"pipeline": run.pipeline, "picture": one, "output": other} for one, other in run.pairs]
    ray.data.from_items(rows, override_num_blocks=len(run.chunks())).map(one).materialize()


@contextmanager
def started() -> Iterator[Work]:
    """Start a Ray of its own."""
    ray.init("local", num_cpus=processes(), include_dashboard=False, log_to_driver=False)
    DataContext.get_current().enable_progress_bars = False
    yield work
    ray.shutdown()


if __name__ == "__main__":
    serve(started())

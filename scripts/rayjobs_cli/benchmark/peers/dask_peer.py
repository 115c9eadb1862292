"""Dask: a cluster of this machine, one thread a worker; plain Pillow does the work."""

from collections.abc import Iterator
from contextlib import contextmanager

from dask.distributed import Client, LocalCluster

from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.peers.serving import Pair, Run, Work, processes, serve


def chunk(pipeline: str, pairs: list[Pair]) -> None:
    """Do the pictures of one task."""
    for picture, output in pairs:
        pillow_way.work(pipeline, picture, output)


@contextmanager
def started() -> Iterator[Work]:
    """Start the cluster of Dask."""
    with (
        LocalCluster(n_workers=processes(), threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):

        def work(run: Run) -> None:
            chunks = run.chunks()
            futures = client.map(chunk, [run.pipeline] * len(chunks), chunks, pure=False)
            client.gather(futures)

        yield work


if __name__ == "__main__":
    serve(started())

"""The metrics for Prometheus: the queue and the workers by the registry, and the requests of this process."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from rayjobs.errors import BackendError
from rayjobs.model.batch import TERMINAL, State
from rayjobs.model.worker import Worker
from rayjobs.ports import Queue, QueueStatus, Workers

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class MetricsRegistry(Queue, Workers, Protocol):
    """The parts of the registry that the metrics read."""


class Metrics:
    """The metrics of one application."""

    def __init__(self, registry: MetricsRegistry) -> None:
        self._collected = CollectorRegistry()
        self.seconds = Histogram(
            "rayjobs_http_request_seconds",
            "Time from a request to the start of its answer, by the template of its route.",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self._collected,
        )
        self._collected.register(_System(registry))

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._collected)


class _System(Collector):
    """Reads the registry at each scrape, so every replica shows the same figures."""

    def __init__(self, registry: MetricsRegistry) -> None:
        self._registry = registry

    def describe(self) -> Iterable[Metric]:
        return ()  # Prometheus calls this at registration, when Redis may be away

    @override
    def collect(self) -> Iterator[Metric]:
        try:
            queue, workers, memory = self._registry.queue(), self._registry.workers(), self._registry.memory()
        except BackendError:
            yield _gauge("registry_up", "Whether the registry answers.", 0)
            return
        yield _gauge("registry_up", "Whether the registry answers.", 1)
        yield _gauge("registry_memory_bytes", "Memory that the registry uses.", memory.used)
        yield _gauge("registry_memory_limit_bytes", "Its memory limit; 0 for no limit.", memory.limit)
        yield _gauge("registry_full", "1 if it refuses new batches for lack of memory.", int(memory.full))
        yield from _of_queue(queue)
        yield from _of_workers(workers)


def _of_queue(queue: QueueStatus) -> Iterator[Metric]:
    batches = GaugeMetricFamily("rayjobs_batches", "Unfinished batches by state.", labels=["state"])
    for state in State:
        if state not in TERMINAL:
            batches.add_metric([state], queue.batches_by_state.get(state, 0))
    yield batches
    yield _gauge("items_pending", "Items that wait.", queue.pending)
    yield _gauge("items_in_flight", "Items that slots run.", queue.in_flight)
    yield _gauge("leases", "Chunks under a lease.", queue.leases)
    yield _gauge("oldest_age_seconds", "Age of the oldest batch that has waiting items.", queue.oldest_age_s)
    yield _gauge("images_per_second", "Items of all batches that end in a second.", queue.images_per_s)
    if queue.eta_s is not None:
        yield _gauge("eta_seconds", "Time until the queue is empty, at this speed.", queue.eta_s)
    yield CounterMetricFamily(
        "rayjobs_stale_settlements",
        "Results refused because their lease was lost.",
        queue.stale_settlements,
    )


def _of_workers(workers: list[Worker]) -> Iterator[Metric]:
    yield _gauge("workers", "Registered workers.", len(workers))
    yield _gauge("slots", "Slots of the registered workers.", sum(each.slots for each in workers))
    yield _gauge("slots_busy", "Slots that run an item.", sum(each.busy_slots for each in workers))
    done = CounterMetricFamily("rayjobs_worker_items", "Items that a worker has done.", labels=["worker"])
    memory = GaugeMetricFamily("rayjobs_worker_rss_bytes", "Memory of a worker's slots.", labels=["worker"])
    cpu = GaugeMetricFamily("rayjobs_worker_cpu_percent", "100 for each core kept busy.", labels=["worker"])
    for each in workers:
        done.add_metric([each.id], each.items_done)
        memory.add_metric([each.id], each.rss_bytes)
        cpu.add_metric([each.id], each.cpu_percent)
    yield from (done, memory, cpu)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"rayjobs_{name}", documentation, value)

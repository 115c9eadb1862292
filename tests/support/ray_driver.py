"""A driver of Ray inside the cluster: tasks that burn or that sleep, started in the dispatcher's pod."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client, stream

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy.readiness import is_ready
from rayjobs_k8s.names import NAMESPACE

_DISPATCHER = "app.kubernetes.io/name=dispatcher"

_PROGRAM = """
import json, os, sys, time, ray
what = json.loads(sys.argv[1])
ray.init(address="auto", log_to_driver=False, configure_logging=False)

@ray.remote(num_cpus=what["cpus"], max_retries=0)
def task():
    end = time.monotonic() + what["seconds"]
    while time.monotonic() < end:
        busy = time.monotonic() + 0.1 * what["share"]
        while time.monotonic() < busy:
            pass
        time.sleep(0.1 * (1 - what["share"]))
    return ray.get_runtime_context().get_node_id()

print(json.dumps(ray.get([task.remote() for _ in range(what["tasks"])])))
"""


@dataclass(frozen=True)
class Load:
    """Tasks, all started at once."""

    tasks: int
    cpus: float
    """Processors that each tells Ray of."""
    share: float
    """Part of one processor that each really uses."""
    seconds: float


@dataclass
class Driver:
    """What became of a load."""

    nodes: list[str] = field(default_factory=list)
    """Ray node on which each task ended, in their order; empty while they run, and if one failed."""
    said: str = ""
    _thread: threading.Thread | None = None

    def join(self, timeout_s: float) -> list[str]:
        """Wait for the end; return where the tasks ended."""
        assert self._thread
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), f"tasks still run after {timeout_s:g} s"
        assert self.nodes, self.said
        return self.nodes


@contextmanager
def loaded(cluster: Cluster, load: Load) -> Iterator[Driver]:
    """Run a load while the body runs; afterwards wait for its end."""
    driver = Driver()
    thread = threading.Thread(target=_drive, args=(cluster, load, driver), daemon=True)
    driver._thread = thread
    thread.start()
    yield driver
    driver.join(load.seconds * 2 + 60)


def _drive(cluster: Cluster, load: Load, driver: Driver) -> None:
    command = ["python", "-c", _PROGRAM, json.dumps(load.__dict__)]
    out, driver.said = _run(cluster, command)
    lines = out.strip().splitlines()
    driver.nodes = json.loads(lines[-1]) if lines else []


def _run(cluster: Cluster, command: list[str]) -> tuple[str, str]:
    (pod,) = [
        each for each in cluster.find("v1", "Pod", NAMESPACE, labelSelector=_DISPATCHER) if is_ready(each)
    ]
    # A client of its own: the library changes it while it asks for the connection.
    with client.ApiClient(cluster._settings) as api:
        connection: Any = stream.stream(
            client.CoreV1Api(api).connect_get_namespaced_pod_exec,
            pod["metadata"]["name"],
            NAMESPACE,
            container="dispatcher",
            command=command,
            stdin=False,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        try:
            connection.run_forever()
            return connection.read_stdout() or "", connection.read_stderr() or ""
        finally:
            # Its own close does nothing once the other side has said goodbye, and leaves the socket open.
            connection.sock.shutdown()

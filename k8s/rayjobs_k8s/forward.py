"""Forwards ports of this machine to pods: `python -m rayjobs_k8s.forward CONTEXT PORT:TARGET ...`.

Each new connection goes to a pod that is ready at that moment. So the port still works after a pod or an API
server was replaced.
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy.readiness import is_ready
from rayjobs_k8s.errors import DeployError
from rayjobs_k8s.names import API_PODS, API_PORT, DASHBOARD_PORT, HEAD_PODS, NAMESPACE
from rayjobs_k8s.objects import Ref

log = logging.getLogger("forward")

TARGETS = {"api": (API_PODS, API_PORT), "dashboard": (HEAD_PODS, DASHBOARD_PORT)}
"""Name of a target -> the label selector of its pods, and their port."""

_FRESH_S = 1.0
"""A pod counts as ready for this time after it was found ready."""
_CHUNK_BYTES = 2**18
_LOOPBACK = "127.0.0.1"


@dataclass
class Target:
    """The pods to which one port is forwarded."""

    cluster: Cluster
    selector: str
    port: int
    _pod: Ref | None = None
    _found_at: float = 0.0

    def connect(self) -> socket.socket:
        """Return a socket that is connected to one of the pods; after a failure, try one more pod.

        Raises:
            DeployError: No pod is ready, or none can be reached.
        """
        try:
            return self.cluster.connect(self._ready_pod(), self.port)
        except DeployError:
            self._pod = None
            return self.cluster.connect(self._ready_pod(), self.port)

    def _ready_pod(self) -> Ref:
        now = time.monotonic()
        if self._pod is None or now - self._found_at > _FRESH_S:
            pods = self.cluster.find("v1", "Pod", NAMESPACE, labelSelector=self.selector)
            ready = [Ref.of(pod) for pod in pods if is_ready(pod)]
            if not ready:
                raise DeployError(f"No pod with {self.selector} is ready.")
            self._pod, self._found_at = ready[0], now
        return self._pod


def serve(listener: socket.socket, target: Target) -> None:
    """Accept connections for ever, and forward each in a thread of its own."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_forward, args=(client, target), daemon=True).start()


def _forward(client: socket.socket, target: Target) -> None:
    try:
        pod = target.connect()
    except DeployError as error:
        log.warning("%s", error.detail)
        client.close()
        return
    threading.Thread(target=_copy, args=(pod, client), daemon=True).start()
    _copy(client, pod)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one side has ended the connection
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    for side in (source, target):
        _close(side)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):  # the other thread has closed it already
        # `close` alone does not wake the thread that reads from the connection.
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def main(arguments: Sequence[str]) -> int:
    """Serve the ports that the arguments name until the process ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    context, *wanted = arguments
    cluster = Cluster(context)
    threads = []
    for each in wanted:
        port, _, name = each.partition(":")
        listener = socket.create_server((_LOOPBACK, int(port)))
        selector, pod_port = TARGETS[name]
        serving = partial(serve, listener, Target(cluster, selector, pod_port))
        threads.append(threading.Thread(target=serving))
    for thread in threads:
        thread.start()
    log.info("%s: %s", context, " ".join(wanted))
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

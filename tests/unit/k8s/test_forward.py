"""Ports forwarded to pods: real sockets, and a cluster in memory that connects them to threads."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from typing_extensions import override

from rayjobs_k8s.errors import UnreachableError
from rayjobs_k8s.forward import Target, serve
from rayjobs_k8s.names import NAMESPACE
from rayjobs_k8s.objects import Ref
from tests.support.fake_cluster import FakeCluster

LIMIT_S = 10.0


def pod(name: str, *, ready: bool = True) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "api"}},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Pods(FakeCluster):
    """Each pod answers with its name and the bytes that it received; a pod in `gone` can't be reached."""

    def __init__(self, *pods: dict[str, object]) -> None:
        super().__init__(*pods)
        self.gone: set[str] = set()

    @override
    def connect(self, pod: Ref, port: int) -> socket.socket:
        if pod.name in self.gone:
            raise UnreachableError(f"{pod} is gone")
        near, far = socket.socketpair()
        threading.Thread(target=_answer, args=(far, pod.name), daemon=True).start()
        return near


def _answer(connection: socket.socket, name: str) -> None:
    with closing(connection):
        received = connection.recv(100) or b"nothing"
        with suppress(BrokenPipeError):
            connection.sendall(name.encode() + b":" + received)


@pytest.fixture
def pods() -> Pods:
    return Pods(pod("a-1", ready=False), pod("a-2"), pod("a-3"))


@pytest.fixture
def port(pods: Pods) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target(pods, "app=api", 8000)

        def serving() -> None:
            with suppress(OSError):  # the listener is closed when the test is over
                serve(listener, target)

        threading.Thread(target=serving, daemon=True).start()
        yield listener.getsockname()[1]


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        connection.sendall(b"hello")
        return b"".join(iter(lambda: connection.recv(100), b""))


def test_a_connection_goes_to_a_ready_pod(port: int) -> None:
    assert ask(port) == b"a-2:hello"


def test_after_the_end_of_a_pod_the_next_connection_goes_to_another(port: int, pods: Pods) -> None:
    ask(port)
    pods.gone.add("a-2")
    pods.delete(Ref("v1", "Pod", "a-2", NAMESPACE))
    assert ask(port) == b"a-3:hello"


def test_without_a_ready_pod_a_connection_is_closed_and_the_next_looks_again(port: int, pods: Pods) -> None:
    for name in ("a-2", "a-3"):
        pods.delete(Ref("v1", "Pod", name, NAMESPACE))
    with suppress(ConnectionResetError):  # nobody has read the bytes that were sent
        assert ask(port) == b""
    pods.create(pod("a-4"))
    assert ask(port) == b"a-4:hello"


def test_two_connections_are_forwarded_at_once(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S):
        assert ask(port) == b"a-2:hello"

"""A wire between Redis and its clients that a test can cut, or hold without a word."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_BLOCK = 65536


@dataclass
class Proxy:
    """Passes on what comes to `port`; each connection is two threads."""

    target: int
    listener: socket.socket
    open: bool = True
    flows: threading.Event = field(default_factory=threading.Event)
    links: set[socket.socket] = field(default_factory=set)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def cut(self) -> None:
        """End all connections, and refuse every new one."""
        self.open = False
        for link in list(self.links):
            _close(link)

    def hold(self) -> None:
        """Take everything and pass on nothing: a network that drops packets."""
        self.flows.clear()

    def mend(self) -> None:
        """Pass everything on again."""
        self.open = True
        self.flows.set()

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self.listener.accept()
                if not self.open:
                    _close(client)
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.target), 5)
                except OSError:
                    _close(client)
                    continue
                self.links |= {client, server}
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                self.flows.wait()
                sink.sendall(data)
        for link in (source, sink):
            _close(link)
            self.links.discard(link)


def _close(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Give a proxy to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(port, listener)
        proxy.mend()
        threading.Thread(target=proxy.serve, daemon=True).start()
        yield proxy
        proxy.mend()
        proxy.cut()

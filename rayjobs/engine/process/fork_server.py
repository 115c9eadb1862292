"""Starts engine processes in a few milliseconds: a process that has imported all they need forks them.

Importing the codecs takes a second, a fork takes three milliseconds. The fork server never renders a
picture, so it has one thread, and nobody holds a lock of libvips when it forks. It is a program of its own,
because the slot's process has all the threads of Ray.

It answers one request at a time, in JSON over a socket: `fork`, which comes with the file descriptors of the
new process, and `reap`. When the socket closes, however the slot ended, it kills all processes it has forked.
"""

import gc
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from rayjobs.engine.allocator import ALLOCATOR
from rayjobs.errors import EngineUnavailableError
from rayjobs.settings import Settings

_ANSWER_S = 60.0
"""Longest wait for an answer; the first answer waits for the imports, which take a second."""
_MESSAGE_BYTES = 65536
_ENDS = 3
"""File descriptors of an engine process: see `channel.ChannelEnds`."""


class ForkServer:
    """The slot's end: requests processes, and asks for their exit codes."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start the server; `command` gets the number of the server's socket as one more argument."""
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(_ANSWER_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program
                [*command, str(theirs.fileno())],
                env=dict(environment),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )

    @property
    def is_alive(self) -> bool:
        """Whether the server runs and can be asked."""
        return self._process.poll() is None

    def fork(self, ends: list[int], **options: object) -> int:
        """Return the id of a new process; the process gets the file descriptors `ends` and the `options`.

        Raises:
            EngineUnavailableError: The fork server has ended, or does not answer.
        """
        return int(self._ask({"fork": options}, ends)["pid"])

    def reap(self, pid: int) -> int:
        """Return the exit code of a process that has ended, negative for a signal; raises as `fork`."""
        return int(self._ask({"reap": pid})["exit_code"])

    def close(self) -> None:
        """End the server and all processes that it has forked."""
        self._socket.close()
        self._process.wait()

    def _ask(self, request: dict[str, object], ends: list[int] | None = None) -> dict[str, Any]:
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], ends or [])
            answer = self._socket.recv(_MESSAGE_BYTES)
        except OSError as error:
            answer, reason = b"", f": {error}"
        else:
            reason = ""
        if not answer:
            self._process.kill()
            self.close()
            raise EngineUnavailableError(f"the fork server of the engine processes has ended{reason}")
        found: dict[str, Any] = json.loads(answer)
        return found


def serve(number: int, begin: Callable[[list[int], dict[str, Any]], NoReturn]) -> None:
    """Answer the slot at the other end of the socket `number`, until that end is closed.

    Args:
        number: The socket's file descriptor.
        begin: What a new process runs, with its file descriptors and its options.
    """
    # The slot decides when this process ends; Ctrl-C in a terminal, or SIGTERM to the group, is for the slot.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # otherwise the first collection in a child copies every page that it visits
    children: set[int] = set()
    with socket.socket(fileno=number) as connection:
        try:
            _answer(connection, children, begin)
        finally:
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _answer(
    connection: socket.socket, children: set[int], begin: Callable[[list[int], dict[str, Any]], NoReturn]
) -> None:
    while True:
        try:
            message, ends, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, _ENDS)
        except ConnectionResetError:
            return
        if not message:
            return
        request = json.loads(message)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            children.discard(request["reap"])
            answer = {"exit_code": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                connection.close()
                begin(ends, request["fork"])
            children.add(pid)
            for each in ends:
                os.close(each)
            answer = {"pid": pid}
        connection.sendall(json.dumps(answer).encode())


def environment(shared: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the server's environment: `shared`, the settings, and none of the services' secrets."""
    found = {name: value for name, value in shared.items() if name not in _SECRETS}
    return {
        **found,
        **settings.as_environment(),
        **ALLOCATOR,
        **_ONE_THREAD,
    }


_SECRETS = {
    "REDIS_URL", "REDIS_PASSWORD", "RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH",
    "RAYJOBS_API_KEYS_FILE",
}  # fmt: skip
"""Addresses and passwords of services: a picture may control its decoder, so no engine holds them."""
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
"""No library may start threads when it is imported: a fork copies only the thread that calls it."""

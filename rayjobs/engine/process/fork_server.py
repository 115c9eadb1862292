"""Starts engine processes in a few milliseconds: a process that has imported all they need forks them.

Importing the codecs takes a second, a fork takes three milliseconds. The nursery itself never makes a
picture, so it has one thread and no lock of libvips is held when it forks; and it is a program of its own,
because the slot's process has all the threads of Ray.

It answers one request at a time, in JSON over a socket: `fork`, which comes with the file descriptors of the
new process, and `reap`. At the end of that socket, however the slot ended, it kills what it has started.
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
"""Longest wait for an answer; the first one waits for the imports, which take a second."""
_MESSAGE_BYTES = 65536
_ENDS = 3
"""File descriptors of an engine process: see `link.Ends`."""


class ForkServer:
    """The slot's end: asks for processes, and for how they ended."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start the nursery; `command` gets the number of its socket as a further argument."""
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
        """Whether it can be asked."""
        return self._process.poll() is None

    def fork(self, ends: list[int], **order: object) -> int:
        """Return the id of a new process that has got `ends` and `order`.

        Raises:
            EngineUnavailableError: The nursery has ended, or does not answer.
        """
        return int(self._ask({"fork": order}, ends)["pid"])

    def reap(self, pid: int) -> int:
        """Return the exit code of a process that has been killed or has ended, negative for a signal."""
        return int(self._ask({"reap": pid})["exit_code"])

    def close(self) -> None:
        """End the nursery and all that it has started."""
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
            raise EngineUnavailableError(f"the nursery of engine processes has ended{reason}")
        found: dict[str, Any] = json.loads(answer)
        return found


def serve(number: int, begin: Callable[[list[int], dict[str, Any]], NoReturn]) -> None:
    """Answer the slot at the other end of the socket `number`, until that end is closed.

    Args:
        number: The socket's file descriptor.
        begin: What a new process does, with its file descriptors and its order.
    """
    # The slot decides when this ends; a Ctrl-C in the terminal, or a SIGTERM to the group, is for the slot.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # else the first collection in a child would copy every page that it looks at
    children: set[int] = set()
    with socket.socket(fileno=number) as door:
        try:
            _answer(door, children, begin)
        finally:
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _answer(
    door: socket.socket, children: set[int], begin: Callable[[list[int], dict[str, Any]], NoReturn]
) -> None:
    while True:
        try:
            message, ends, _, _ = socket.recv_fds(door, _MESSAGE_BYTES, _ENDS)
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
                door.close()
                begin(ends, request["fork"])
            children.add(pid)
            for each in ends:
                os.close(each)
            answer = {"pid": pid}
        door.sendall(json.dumps(answer).encode())


def environment(shared: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the nursery's environment: the slot's, without what no engine needs to know."""
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
"""Where the services are and how to get in: nothing that a picture's decoder should find in its memory."""
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
"""No library may start threads as it is imported: they would not outlive the fork."""

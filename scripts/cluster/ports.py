"""The process that leads ports of this machine into the cluster; it outlives the command that starts it."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.cluster import state as states
from scripts.cluster.state import State
from scripts.local import logs
from scripts.local.plan import PROJECT
from scripts.local.processes import end, find, identify
from scripts.local.readiness import listens
from scripts.local.state import ProcessId
from scripts.outcome import CommandError
from scripts.patience import ticks

_LOG = "forward"
_START_S = 30.0
_END_S = 5.0
_DETACHED = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows: no console of its own, and none to be closed with. Both flags exist only there."""

_started: list[subprocess.Popen[bytes]] = []
"""Those that this process started: a `Popen` that is dropped while its process runs warns of it."""


def led(folder: Path, state: State) -> State:
    """Return the state with a process that leads its ports, started if none runs; it is written down.

    Raises:
        CommandError: It can't be started.
    """
    if find(state.forwarder) is None:
        state = state.model_copy(update={"forwarder": _start(folder, state)})
    if state != states.read(folder):
        states.write(folder, state)
    return state


def leave(state: State) -> None:
    """End the process, if it runs."""
    if (process := find(state.forwarder)) is not None:
        end([process], _END_S)
    for one in _started:
        one.poll()


def _start(folder: Path, state: State) -> ProcessId:
    targets = (f"{state.api_port}:api", f"{state.dashboard_port}:dashboard")
    with logs.opened(folder, _LOG) as file:
        process = subprocess.Popen(
            (sys.executable, "-m", "k8s.forward", state.context, *targets),
            cwd=PROJECT,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=os.name == "posix",
            creationflags=_DETACHED,
        )
    _started.append(process)
    for _ in ticks(_START_S):
        if process.poll() is not None:
            break
        if listens(state.api_port) and listens(state.dashboard_port):
            return identify(process.pid)
    process.kill()
    told = "".join(f"\n    {line}" for line in logs.tail(folder, _LOG))
    raise CommandError("no_forward", f"The ports can't be led to the cluster:{told}\n")

"""Runs the process that forwards ports of this machine to the cluster; it outlives the command."""

from pathlib import Path

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.polling import ticks
from rayjobs_cli.targets.cluster import state as states
from rayjobs_cli.targets.cluster.state import State
from rayjobs_cli.targets.local import detached, logs
from rayjobs_cli.targets.local.processes import end, find, identify
from rayjobs_cli.targets.local.readiness import listens
from rayjobs_cli.targets.local.state import ProcessId

_LOG = "forward"
_START_S = 30.0
_END_S = 5.0


def forwarded(folder: Path, state: State) -> State:
    """Return the state with a process that forwards its ports; start one if none runs, and write the state.

    Raises:
        CommandError: The process can't be started.
    """
    if find(state.forwarder) is None:
        state = state.model_copy(update={"forwarder": _start(folder, state)})
    if state != states.read(folder):
        states.write(folder, state)
    return state


def stop(state: State) -> None:
    """End the process, if it runs."""
    if (process := find(state.forwarder)) is not None:
        end([process], _END_S)
    detached.reap()


def _start(folder: Path, state: State) -> ProcessId:
    targets = (f"{state.api_port}:api", f"{state.dashboard_port}:dashboard")
    with logs.opened(folder, _LOG) as file:
        process = detached.start(("rayjobs_k8s.forward", state.context, *targets), file, {})
    for _ in ticks(_START_S):
        if process.poll() is not None:
            break
        if listens(state.api_port) and listens(state.dashboard_port):
            return identify(process.pid)
    process.kill()
    output = "".join(f"\n    {line}" for line in logs.tail(folder, _LOG))
    raise CommandError("no_forward", f"The ports can't be forwarded to the cluster:{output}\n")

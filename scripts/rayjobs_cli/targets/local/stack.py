"""Starts a stack under a state directory, finds it again, and ends it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rayjobs_cli.console import Say
from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.polling import ticks
from rayjobs_cli.targets import variables
from rayjobs_cli.targets.local import detached, logs, ray_folder
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.plan import LocalOptions, decide
from rayjobs_cli.targets.local.processes import STACK_MARK, end, find, identify, kill, marked
from rayjobs_cli.targets.local.readiness import redis_answers
from rayjobs_cli.targets.local.services import prepare
from rayjobs_cli.targets.local.state import State

_READY_S = 180.0
"""Limit of a start; a slow disk that reads Ray for the first time needs half of it."""
_ATTEMPTS = 3
"""Starts of a service that may fail before the deployment does: a wrong set-up does not mend itself."""
_HANDOVER_S = 60.0
"""Until the supervisor writes its state: the start of an interpreter on a busy machine."""
_SUPERVISOR_S = 45.0
"""Limit of the end of all services, one after the other, each with its own limit."""
_ORPHAN_S = 10.0


@dataclass(frozen=True)
class Deployed:
    """A stack that is ready."""

    state: State
    changed: bool
    """False when it was ready before."""


def deploy(options: LocalOptions, say: Say) -> Deployed:
    """Return the running stack of a state directory, started if there is none.

    Raises:
        CommandError: The stack can't be started here, and nothing is left running; or the one that runs has
            other settings.
    """
    folder = options.folder
    state = states.read(folder)
    if state is not None and find(state.supervisor) is None:
        say("an earlier stack of this directory ended unexpectedly; its remains are removed")
        down(folder)
        state = None
    if state is not None:
        variables.require_same(state.plan.settings, os.environ, folder)
    if state is not None and state.ready:
        return Deployed(state, changed=False)
    started = state is None and _claim(options)
    try:
        if started:
            _launch(folder)
        return Deployed(_await_ready(folder, say), changed=started)
    except (CommandError, KeyboardInterrupt):
        if started:
            down(folder)
        raise


def down(folder: Path) -> list[str]:
    """End what runs under a state directory, the last one started first; return the names of what ended."""
    state = states.read(folder)
    if state is None:
        return []
    identities = {"supervisor": state.supervisor}
    identities |= {name: one.process for name, one in reversed(state.services.items()) if one.process}
    running = {name: process for name, identity in identities.items() if (process := find(identity))}
    if state.supervisor.pid == os.getpid():  # this process failed before it started a supervisor
        running.pop("supervisor", None)
    for name, process in running.items():
        # As long as the supervisor lives, it ends the others itself, in options.
        if process.is_running():
            end([process], _SUPERVISOR_S if name == "supervisor" else _ORPHAN_S)
    kill(marked(state.plan.stack))
    detached.reap()
    ray_folder.forget(state.plan.stack)
    states.state_file(folder).unlink(missing_ok=True)
    shutil.rmtree(folder / "slots", ignore_errors=True)
    return list(running)


def _claim(options: LocalOptions) -> bool:
    """Take the state directory for a new stack; False when another deploy has just done so."""
    variables.require_usable()
    plan = decide(options, os.environ)
    if plan.redis_port is None and not redis_answers(plan.redis_url):
        raise CommandError(
            "redis_unreachable", "The Redis of REDIS_URL does not answer.", "Start it, or unset REDIS_URL."
        )
    # Until the supervisor writes its own id, the state has that of this process: the stack is not dead.
    if not states.create(options.folder, State(plan=plan, supervisor=identify(os.getpid()))):
        return False
    prepare(plan)
    return True


def _launch(folder: Path) -> None:
    state = states.read(folder)
    if state is None:
        raise _failure(folder, "supervisor", "was ended before it began")
    with logs.opened(folder, "supervisor") as file:
        command = "rayjobs_cli.targets.local.supervisor", str(folder)
        supervisor = detached.start(command, file, {STACK_MARK: state.plan.stack})
    for _ in ticks(_HANDOVER_S):
        if supervisor.poll() is not None:
            raise _failure(folder, "supervisor", f"ended with status {supervisor.returncode}")
        if states.read(folder) != state:
            return
    raise _failure(folder, "supervisor", f"wrote no state within {_HANDOVER_S:g} s")


def _await_ready(folder: Path, say: Say) -> State:
    reported: set[str] = set()
    late: list[str] = []
    for _ in ticks(_READY_S):
        state = states.read(folder)
        if state is None or find(state.supervisor) is None:
            raise _failure(folder, "supervisor", "ended while the stack was starting")
        late = [name for name, one in state.services.items() if one.phase != "ready"]
        for name in state.services.keys() - {*late, *reported}:
            reported.add(name)
            say(f"{name} is ready")
        if state.ready:
            return state
        for name, one in state.services.items():
            if one.restarts >= _ATTEMPTS:
                raise _failure(folder, name, f"{one.last_end}, {one.restarts} times")
    raise _failure(folder, (late or ["supervisor"])[0], f"was not ready within {_READY_S:g} s")


def _failure(folder: Path, name: str, what: str) -> CommandError:
    lines = "\n".join(f"    {line}" for line in logs.tail(folder, name))
    detail = f"{name} {what}. The end of its log:\n{lines}\n" if lines else f"{name} {what}."
    return CommandError("start_failed", detail, f"The whole log: {logs.path(folder, name)}")

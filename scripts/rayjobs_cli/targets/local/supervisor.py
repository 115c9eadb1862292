"""The supervisor of a stack: `python -m rayjobs_cli.targets.local.supervisor STATE_DIRECTORY`.

The supervisor starts the services of the plan and restarts those that die. On SIGTERM, or when its state file
is removed, it ends them all, the last one first. If it is killed itself, the next deploy ends what it leaves.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from rayjobs import log as logs
from rayjobs_cli.targets.client import first_key
from rayjobs_cli.targets.local import ray_folder
from rayjobs_cli.targets.local import state as states
from rayjobs_cli.targets.local.processes import identify
from rayjobs_cli.targets.local.services import services
from rayjobs_cli.targets.local.unit import Unit

log = logging.getLogger("supervisor")

_POLL_S = 0.1
"""Between two checks of the processes: a death is seen within this time."""


class Supervisor:
    """Holds the units of one stack."""

    def __init__(self, folder: Path, state: states.State) -> None:
        plan = state.plan
        self._folder = folder
        self._plan = plan
        self._units = [
            Unit(service, plan.stack, folder)
            for service in services(plan, os.environ, first_key(plan.settings))
        ]

    def run(self, stop: threading.Event) -> None:
        """Run the units until `stop` is set or the state file is gone."""
        try:
            self._write_state()
            while self._is_ours() and not stop.wait(_POLL_S):
                if self._step():
                    self._write_state()
        finally:
            self._end()

    def _step(self) -> bool:
        ready = {unit.service.name for unit in self._units if unit.ready}
        changes = [unit.step(ready) for unit in self._units]
        return any(changes)

    def _is_ours(self) -> bool:
        state = states.read(self._folder)
        return state is not None and state.plan.stack == self._plan.stack

    def _end(self) -> None:
        for unit in reversed(self._units):
            log.info("%s is ended", unit.service.name)
            unit.stop()
        ray_folder.forget(self._plan.stack)

    def _write_state(self) -> None:
        services = {unit.service.name: unit.status for unit in self._units}
        state = states.State(plan=self._plan, supervisor=identify(os.getpid()), services=services)
        states.write(self._folder, state)


def main() -> int:
    """Supervise the stack whose plan is in a state directory."""
    folder = Path(sys.argv[1])
    logs.set_up()
    state = states.read(folder)
    if state is None:
        log.error("nothing is planned in %s", folder)
        return 1
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    Supervisor(folder, state).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())

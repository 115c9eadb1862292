"""Purges the system that runs, and waits until every worker is registered again."""

import json
from argparse import Namespace

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.polling import until
from rayjobs_cli.targets.client import Client, Document
from rayjobs_cli.targets.connection import connect

_RETURN_S = 10.0
"""Two heartbeats: within this time a live worker has registered again."""


def main() -> int:
    """Run the command; return the exit status."""
    parser = arguments.parser(
        "python scripts/purge.py",
        "Cancel every batch, begin a new run, and wait until every worker is registered again. Outputs stay.",
        "",
        "k8s",
    )
    arguments.add_system(parser)
    given = parser.parse_args()
    return conclude(lambda: _purge(given), as_json=given.json)


def _purge(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    answer = purge(connect(given))
    if given.json:
        print(json.dumps(answer))
    terminal.say(
        f"run {answer['run_id']}: {answer['cancelled_batches']} batches cancelled, "
        f"{answer['deleted_keys']} keys deleted, {answer['registered']} workers registered again"
    )
    return ExitStatus.DONE


def purge(client: Client, limit_s: float = _RETURN_S) -> Document:
    """Purge, and return the API's answer, with the number of workers that are `registered` again.

    Raises:
        CommandError: A worker that was registered before is not registered again within the limit.
    """
    before = {worker["id"] for worker in client.workers()}
    answer = client.purge()
    missing = set(before)

    def all_back() -> bool:
        missing.difference_update(worker["id"] for worker in client.workers())
        return not missing

    if not until(all_back, limit_s):
        lost = ", ".join(sorted(missing))
        raise CommandError(
            "workers_lost", f"Not registered again within {limit_s:g} s: {lost}.", status=ExitStatus.FAILED
        )
    return {**answer, "registered": len(before)}

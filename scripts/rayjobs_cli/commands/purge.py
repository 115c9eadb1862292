"""Purges the running rayjobs and waits until every worker is registered again."""

import json
from argparse import Namespace

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.polling import until
from rayjobs_cli.targets.client import Client, Document
from rayjobs_cli.targets.connection import connect

RETURN_S = 10.0
"""Two heartbeats: within this time a live worker has registered again."""


def main() -> int:
    """Purge."""
    parser = arguments.parser(
        "Cancel what runs, begin a new run, and wait until every worker is registered again. Outputs stay.",
        "python scripts/purge.py",
    )
    arguments.add_system(parser)
    given = parser.parse_args()
    return conclude(lambda: _purge(given), as_json=given.json)


def _purge(given: Namespace) -> ExitStatus:
    words = Terminal(stderr=given.json)
    answer = purge(connect(given))
    if given.json:
        print(json.dumps(answer))
    words.say(
        f"run {answer['run_id']}: {answer['cancelled_batches']} batches cancelled, "
        f"{answer['deleted_keys']} keys deleted, {answer['registered']} workers registered again"
    )
    return ExitStatus.DONE


def purge(client: Client) -> Document:
    """Purge and return the answer, with the number of workers that are `registered` again.

    Raises:
        CommandError: A worker that was registered before did not come back.
    """
    before = {worker["id"] for worker in client.workers()}
    answer = client.purge()
    missing = set(before)

    def all_back() -> bool:
        missing.difference_update(worker["id"] for worker in client.workers())
        return not missing

    if not until(all_back, RETURN_S):
        lost = ", ".join(sorted(missing))
        raise CommandError(
            "workers_lost", f"Not registered again within {RETURN_S:g} s: {lost}.", status=ExitStatus.FAILED
        )
    return {**answer, "registered": len(before)}

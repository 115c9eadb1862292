"""Sends heavy work to a running rayjobs, shows it live, and judges what came of it."""

import json
from argparse import Namespace

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude
from rayjobs_cli.load_test import runner
from rayjobs_cli.targets.connection import connect_and_observe


def main() -> int:
    """Purge, load, watch and judge."""
    parser = arguments.parser(
        "Send 10 heavy batches at once to the running system, watch them live, and write a report.",
        "python scripts/stress.py --tasks 10 --count 20\n  python scripts/stress.py k8s",
    )
    arguments.add_system(parser)
    arguments.add_load(parser)
    given = parser.parse_args()
    return conclude(lambda: _stress(given), as_json=given.json)


def _stress(given: Namespace) -> ExitStatus:
    words = Terminal(stderr=given.json)
    client, observe = connect_and_observe(given)
    done = runner.run(client, runner.load_options(given, on_a_cluster=observe is not None), words, observe)
    runner.tell(done, words)
    if given.json:
        print(json.dumps(done.as_json()))
    return ExitStatus.DONE if done.verdict.ok else ExitStatus.FAILED

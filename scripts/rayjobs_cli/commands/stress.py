"""Runs a load test on a system that runs: sends batches, shows them live, and checks every output."""

import json
from argparse import Namespace

from rayjobs_cli import arguments
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude
from rayjobs_cli.load_test import runner, summary
from rayjobs_cli.targets.connection import connect_and_observe


def main() -> int:
    """Run the command; return the exit status."""
    parser = arguments.parser(
        "python scripts/stress.py",
        "Purge the system that runs, send it 10 heavy batches at once, show them live, check every\n"
        "output, and write a report.",
        "--tasks 10 --count 20",
        "k8s",
    )
    arguments.add_system(parser)
    arguments.add_load(parser)
    given = parser.parse_args()
    return conclude(lambda: _stress(given), as_json=given.json)


def _stress(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    client, observe = connect_and_observe(given)
    options = runner.load_options(given, on_a_cluster=observe is not None)
    load_test = runner.run(client, options, terminal, observe)
    summary.show(load_test, terminal)
    if given.json:
        print(json.dumps(load_test.as_json()))
    return ExitStatus.DONE if load_test.verdict.ok else ExitStatus.FAILED

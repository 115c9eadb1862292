"""Starts rayjobs, runs a load test on it, shows both live, and ends what it started."""

import json
import os
import signal
from argparse import Namespace
from collections.abc import Sequence

from rayjobs_cli import arguments
from rayjobs_cli.chaos import faults, poison
from rayjobs_cli.commands import launch
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.load_test import runner, summary


def main(words: Sequence[str] | None = None, *, program: str = "python scripts/demo.py") -> int:
    """Run the command.

    Args:
        words: Of the command line; None reads those of the process.
        program: The command as its user types it.
    """
    parser = arguments.parser(
        program,
        "Start rayjobs, send 10 heavy batches of real photographs, show them live, and end rayjobs again.",
        "--keep",
        "k8s",
        "--chaos",
    )
    # Free ports by default: a demo takes no port that another program needs.
    arguments.add_target(parser, api_port=0, dashboard_port=0)
    arguments.add_cluster(parser)
    arguments.add_load(parser)
    parser.add_argument("--keep", action="store_true", help="leave rayjobs running at the end")
    parser.add_argument(
        "--chaos",
        action="store_true",
        help="instead of the load: flush Redis and kill processes while a batch runs, and compare the result "
        "with an undisturbed run (target local only)",
    )
    given = parser.parse_args(words)
    if given.chaos and given.target != "local":
        parser.error("--chaos kills processes of this machine: it needs the target local")
    # SIGTERM raises KeyboardInterrupt: the command ends what it started before it ends itself.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _chaos(given) if given.chaos else _demo(given), as_json=given.json)


def _chaos(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    folder = given.state / "chaos"
    faults.pictures(folder)
    given.roots = [*given.roots, folder]
    os.environ.update(poison.HOOK)
    terminal.say(launch.BEGINS[given.target])
    target = launch.launch(given, terminal.progress)
    if not target.changed:
        raise CommandError(
            "in_use", f"Something runs under {given.state} already.", "Name another folder with --state DIR."
        )
    try:
        comparison = faults.run(target.client(), given.state, folder, terminal)
        faults.show(comparison, terminal)
    finally:
        if not given.keep:
            _end(given, terminal)
    if given.json:
        print(json.dumps(comparison.as_json()))
    return ExitStatus.DONE if comparison.equal else ExitStatus.FAILED


def _demo(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    terminal.say(launch.BEGINS[given.target])
    target = launch.launch(given, terminal.progress)
    try:
        target.show(terminal)
        terminal.print()
        observe = target.observe()
        options = runner.load_options(given, on_a_cluster=observe is not None)
        load_test = runner.run(target.client(), options, terminal, observe)
        summary.show(load_test, terminal)
    finally:
        if target.changed and not given.keep:
            _end(given, terminal)
    if given.json:
        print(json.dumps(load_test.as_json()))
    return ExitStatus.DONE if load_test.verdict.ok else ExitStatus.FAILED


def _end(given: Namespace, terminal: Terminal) -> None:
    launch.end(given, terminal.progress)
    terminal.say("ended what was started")

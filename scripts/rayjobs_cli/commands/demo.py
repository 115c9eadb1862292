"""From nothing to filtered pictures in one go: deploys, loads, watches, judges, and ends what it started."""

import json
import os
import signal
from argparse import Namespace
from collections.abc import Sequence
from functools import partial

from rayjobs_cli import arguments
from rayjobs_cli.chaos import faults, poison
from rayjobs_cli.commands import launch
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.load_test import runner


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Deploy, run the load, and take down what was started."""
    parser = arguments.parser(
        "Start rayjobs, send 10 heavy batches of real photographs, show them live, and stop it again.",
        "python scripts/demo.py --keep\n  python scripts/demo.py k8s",
    )
    # Free ports unless asked otherwise: a demo collides with nothing.
    arguments.add_target(parser, api_port=0, dashboard_port=0)
    arguments.add_cluster(parser)
    arguments.add_load(parser)
    parser.add_argument("--keep", action="store_true", help="leave it running")
    parser.add_argument(
        "--chaos",
        action="store_true",
        help="flush Redis and kill processes in mid-batch, and compare with an undisturbed run (local)",
    )
    given = parser.parse_args(arguments_given)
    if given.chaos and given.target != "local":
        parser.error("--chaos kills processes of this machine: it needs the target local")
    # So that what was started is ended too when this command is told to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _chaos(given) if given.chaos else _demo(given), as_json=given.json)


def _chaos(given: Namespace) -> ExitStatus:
    words = Terminal(stderr=given.json)
    folder = given.state / "chaos"
    faults.pictures(folder)
    given.roots = [*given.roots, folder]
    os.environ.update(poison.HOOK)
    words.say(launch.BEGINS[given.target])
    say = partial(words.say, style="dim")
    running = launch.launch(given, say)
    if not running.changed:
        raise CommandError(
            "in_use", f"Something runs under {given.state} already.", "Name another folder with --state DIR."
        )
    try:
        story = faults.run(running.client(), given.state, folder, words)
        faults.tell(story, words)
    finally:
        if not given.keep:
            launch.end(given, say)
            words.say("stopped what was started")
    if given.json:
        print(json.dumps(story.as_json()))
    return ExitStatus.DONE if story.equal else ExitStatus.FAILED


def _demo(given: Namespace) -> ExitStatus:
    words = Terminal(stderr=given.json)
    words.say(launch.BEGINS[given.target])
    say = partial(words.say, style="dim")
    running = launch.launch(given, say)
    try:
        running.show(words)
        words.print()
        observe = running.observe()
        order = runner.load_options(given, on_a_cluster=observe is not None)
        done = runner.run(running.client(), order, words, observe)
        runner.tell(done, words)
    finally:
        if running.changed and not given.keep:
            launch.end(given, say)
            words.say("stopped what was started")
    if given.json:
        print(json.dumps(done.as_json()))
    return ExitStatus.DONE if done.verdict.ok else ExitStatus.FAILED

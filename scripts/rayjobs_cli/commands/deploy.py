"""Starts rayjobs on this machine or a cluster, waits until it is ready, and says where everything is."""

import json
from argparse import Namespace
from collections.abc import Sequence

from rayjobs_cli import arguments
from rayjobs_cli.commands import launch
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Deploy, or end what was deployed."""
    parser = arguments.parser(
        "Start rayjobs on this machine under one supervisor, or on a cluster by KubeRay. Again = no change.",
        "python scripts/deploy.py --roots ~/Pictures --slots 4\n"
        "  python scripts/deploy.py k8s --context kind-dev",
    )
    arguments.add_target(parser, api_port=8000, dashboard_port=8265)
    arguments.add_cluster(parser)
    parser.add_argument("--down", action="store_true", help="end what was started here; outputs stay")
    given = parser.parse_args(arguments_given)
    words = Terminal(stderr=given.json)
    work = _down if given.down else _up
    return conclude(lambda: work(given, words), as_json=given.json)


def _up(given: Namespace, words: Terminal) -> ExitStatus:
    running = launch.launch(given, lambda line: words.say(f"  {line}", style="dim"))
    words.say("ready" if running.changed else "it runs already; nothing was changed")
    running.show(words)
    if given.json:
        print(json.dumps(running.as_json()))
    return ExitStatus.DONE


def _down(given: Namespace, words: Terminal) -> ExitStatus:
    ended = launch.end(given, lambda line: words.say(f"  {line}", style="dim"))
    words.say(f"ended: {', '.join(ended)}" if ended else "nothing runs; nothing was ended")
    if given.json:
        print(json.dumps({"ok": True, "ended": ended}))
    return ExitStatus.DONE

"""Starts rayjobs on this machine or a cluster, waits until it is ready, and prints its addresses."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rayjobs_cli import arguments
from rayjobs_cli.commands import launch
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude


def main() -> int:
    """Run `scripts/deploy.py`: start a system, or end it with `--down`."""
    parser = _deploy_parser("python scripts/deploy.py")
    parser.add_argument("--down", action="store_true", help="end what was started here; outputs stay")
    given = parser.parse_args()
    work = _down if given.down else _up
    return conclude(lambda: work(given), as_json=given.json)


def up(words: Sequence[str], *, program: str) -> int:
    """Run `rayjobs up` with the words of its command line."""
    given = _deploy_parser(program).parse_args(words)
    return conclude(lambda: _up(given), as_json=given.json)


def down(words: Sequence[str], *, program: str) -> int:
    """Run `rayjobs down` with the words of its command line."""
    parser = arguments.parser(
        program,
        "End the system that was started from the state directory. Outputs stay.",
        "",
        "k8s",
    )
    parser.add_argument(
        "target", nargs="?", choices=arguments.TARGETS, default="local", help="where it runs (local)"
    )
    parser.add_argument("--context", help="context of the kubeconfig; default: the one that was deployed to")
    given = parser.parse_args(words)
    return conclude(lambda: _down(given), as_json=given.json)


def _deploy_parser(program: str) -> ArgumentParser:
    parser = arguments.parser(
        program,
        "Start rayjobs on this machine, or on a cluster with KubeRay, and wait until it is ready.\n"
        "If it runs already, nothing changes.",
        "--roots ~/Pictures --slots 4",
        "k8s --context kind-dev",
    )
    arguments.add_target(parser, api_port=8000, dashboard_port=8265)
    arguments.add_cluster(parser)
    return parser


def _up(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    target = launch.launch(given, terminal.progress)
    terminal.say("ready" if target.changed else "it runs already; nothing was changed")
    target.show(terminal)
    if given.json:
        print(json.dumps(target.as_json()))
    return ExitStatus.DONE


def _down(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    ended = launch.end(given, terminal.progress)
    terminal.say(f"ended: {', '.join(ended)}" if ended else "nothing runs; nothing was ended")
    if given.json:
        print(json.dumps({"ok": True, "ended": ended}))
    return ExitStatus.DONE

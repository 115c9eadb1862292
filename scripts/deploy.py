"""Starts rayjobs on this machine, waits until it is ready, and says where everything is."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from scripts.bootstrap import enter

    enter()

import json
from argparse import Namespace

from scripts import arguments, launch
from scripts.local import stack
from scripts.outcome import Exit, conclude
from scripts.words import Words


def main() -> int:
    """Deploy, or end what was deployed."""
    parser = arguments.parser(
        "Start rayjobs: Redis, Ray, dispatcher, agent and API, under one supervisor. Again = no change.",
        "python scripts/deploy.py --roots ~/Pictures --slots 4",
    )
    arguments.add_target(parser, api_port=8000, dashboard_port=8265)
    parser.add_argument("--down", action="store_true", help="end what was started here; outputs stay")
    given = parser.parse_args()
    words = Words(stderr=given.json)
    work = _down if given.down else _up
    return conclude(lambda: work(given, words), as_json=given.json)


def _up(given: Namespace, words: Words) -> Exit:
    deployed = launch.launch(given, lambda line: words.say(f"  {line}", style="dim"))
    words.say("ready" if deployed.changed else "it runs already; nothing was changed")
    launch.show(deployed.state, words)
    if given.json:
        print(json.dumps(launch.as_json(deployed.state)))
    return Exit.DONE


def _down(given: Namespace, words: Words) -> Exit:
    launch.require_local(given.target)
    ended = stack.down(given.state)
    words.say(f"ended: {', '.join(ended)}" if ended else f"nothing runs under {given.state}")
    if given.json:
        print(json.dumps({"ok": True, "ended": ended}))
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main())

"""From nothing to filtered pictures in one go: deploys, loads, watches, judges, and ends what it started."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from scripts.bootstrap import enter

    enter()

import json
import signal
from argparse import Namespace
from functools import partial

from scripts import arguments, launch, trial
from scripts.outcome import Exit, conclude
from scripts.words import Words


def main() -> int:
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
    given = parser.parse_args()
    # So that what was started is ended too when this command is told to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _demo(given), as_json=given.json)


def _demo(given: Namespace) -> Exit:
    words = Words(stderr=given.json)
    words.say("starting Redis, Ray and the API ...")
    say = partial(words.say, style="dim")
    running = launch.launch(given, say)
    try:
        running.show(words)
        words.print()
        observe = running.observe()
        order = trial.order(given, on_a_cluster=observe is not None)
        done = trial.run(running.client(), order, words, observe)
        trial.tell(done, words)
    finally:
        if running.changed and not given.keep:
            launch.end(given, say)
            words.say("stopped what was started")
    if given.json:
        print(json.dumps(done.as_json()))
    return Exit.DONE if done.verdict.ok else Exit.FAILED


if __name__ == "__main__":
    sys.exit(main())

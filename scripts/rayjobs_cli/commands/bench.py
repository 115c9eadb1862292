"""Measures the speed of the running main job against what a user would write instead, in turns, as ratios."""

import json
import signal
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rayjobs.engine.allocator import ALLOCATOR
from rayjobs_cli import arguments
from rayjobs_cli.benchmark import large, pool, promises, table
from rayjobs_cli.benchmark.jobs import JOBS, Job
from rayjobs_cli.benchmark.large import Weight
from rayjobs_cli.benchmark.peers import roster
from rayjobs_cli.benchmark.pictures import LARGE, MEDIUM, PNGS, SMALL, WEBPS
from rayjobs_cli.benchmark.sets import PictureSet, make_sets
from rayjobs_cli.benchmark.tools import Pool, System, Tool
from rayjobs_cli.benchmark.turns import Row, take_turns
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude
from rayjobs_cli.targets.local import stack
from rayjobs_cli.targets.local.plan import LocalOptions
from rayjobs_cli.targets.running import on_this_machine

_QUICK_SHARE = 10
"""Of so many pictures `--quick` takes one: it shows that all of it works, and little about speed."""
_COUNTS = {SMALL: 1000, MEDIUM: 60, PNGS: 24, WEBPS: 24}
"""Pictures of each kind that is timed."""
_LARGE = {LARGE: len(LARGE.shapes)}


@dataclass(frozen=True)
class Result:
    """What a benchmark found."""

    rows: Sequence[Row] = ()
    promises: dict[str, float] | None = None
    weights: Sequence[Weight] = ()

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints."""
        rows, weights = ([each.as_json() for each in found] for found in (self.rows, self.weights))
        return {"ok": True, "rows": rows, "promises": self.promises or {}, "large": weights}


def main() -> int:
    """Make the sets, start a system, let all take turns, and print the table."""
    parser = arguments.parser(
        "Time this system from POST to the last file, in turns with hand-written pools of processes: one "
        "with the same engine, one with plain Pillow; and with peers, if asked for. It starts a system of "
        "its own under DIR/bench, where the peers' environments are too.",
        "python scripts/bench.py --against sharp pyvips --jobs thumb-M edit-M",
    )
    parser.add_argument("--quick", action="store_true", help="few pictures and one round, in half a minute")
    parser.add_argument(
        "--fewer", type=arguments.count, default=1, metavar="N", help="run one of N of the pictures"
    )
    parser.add_argument("--rounds", type=arguments.count, default=5, help="of turns (%(default)s)")
    parser.add_argument(
        "--slots", type=arguments.count, default=2, help="and processes of each tool (%(default)s)"
    )
    parser.add_argument("--jobs", nargs="+", choices=[job.name for job in JOBS], help="only these")
    against = parser.add_mutually_exclusive_group()
    against.add_argument("--peers", action="store_true", help="against every peer that can be had here")
    against.add_argument(
        "--against",
        nargs="+",
        choices=roster.PEERS,
        metavar="PEER",
        default=(),
        help=f"against some: {', '.join(roster.PEERS)}",
    )
    parser.add_argument(
        "--memory", action="store_true", help="only weigh a picture of 104 megapixels; starts no system"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.fewer = 1, _QUICK_SHARE
    # Ended from outside (by `timeout`, by CI) it still ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _bench(given), as_json=given.json)


def _bench(given: Namespace) -> ExitStatus:
    words = Terminal(stderr=given.json)
    result = _weighed(given, words) if given.memory else _timed(given, words)
    _tell(result, words)
    if given.markdown:
        given.markdown.write_text(table.markdown(result.rows, result.weights) + "\n", encoding="utf-8")
    if given.json:
        print(json.dumps(result.as_json()))
    return ExitStatus.DONE


def _weighed(given: Namespace, words: Terminal) -> Result:
    folder = given.state / "bench"
    words.say("making the set of large pictures, where it is not there yet ...")
    sets = make_sets(folder / "sets", _LARGE)
    largest = max(sets["L"].folder.iterdir(), key=lambda path: path.stat().st_size)
    return Result(weights=list(large.weigh(largest, folder / "large")))


def _timed(given: Namespace, words: Terminal) -> Result:
    folder = given.state / "bench"
    jobs = [job for job in JOBS if not given.jobs or job.name in given.jobs]
    sets = _sets(folder / ("quick" if given.quick else "sets"), words, quick=given.quick)
    order = LocalOptions(folder, 0, 0, given.slots, tuple(one.folder for one in sets.values()))
    deployed = stack.deploy(order, lambda line: words.say(f"  {line}", style="dim"))
    try:
        client = on_this_machine(deployed.state, changed=deployed.changed).client()
        client.purge()
        rows = _turns(given, [System(client, deployed.state.pids.values())], jobs, sets, words)
        if given.jobs:
            return Result(rows)
        first = min(sets["S"].folder.iterdir())
        return Result(rows, promises.measure(client, first, deployed.state.plan.redis_url))
    finally:
        if deployed.changed:
            stack.down(folder)


def _sets(folder: Path, words: Terminal, *, quick: bool) -> dict[str, PictureSet]:
    words.say("making the sets of pictures, where they are not there yet ...")
    counts = {kind: count // _QUICK_SHARE for kind, count in _COUNTS.items()} if quick else _COUNTS | _LARGE
    return make_sets(folder, counts)


def _turns(
    given: Namespace,
    systems: Sequence[Tool],
    jobs: Sequence[Job],
    sets: dict[str, PictureSet],
    words: Terminal,
) -> list[Row]:
    folder = given.state / "bench"
    place = roster.Place(folder / "peers", folder / "out", given.slots)
    peers = tuple(roster.PEERS) if given.peers else given.against
    rows: list[Row] = []
    with ExitStack() as entered:
        tools = [entered.enter_context(tool) for tool in (*systems, *_pools(place))]
        tools += roster.start(peers, place, entered, words.say)
        for job in jobs:
            if job.kind.letter in sets:
                pictures = sorted(sets[job.kind.letter].folder.iterdir())
                shortened = replace(job, pictures=max(1, job.pictures // given.fewer))
                rows += take_turns(shortened, pictures, tools, given.rounds, words.say)
    return rows


def _pools(place: roster.Place) -> tuple[Pool, ...]:
    return (
        # The same engine in the same environment: what is left between the two is the price of a system.
        Pool("pool, same engine", pool.by_engine, place.processes, place.outputs, ALLOCATOR),
        Pool("pool, Pillow", pool.by_pillow, place.processes, place.outputs),
    )


def _tell(result: Result, words: Terminal) -> None:
    if result.rows:
        words.print(table.of(result.rows))
    for weight in result.weights:
        words.say(f"104 MP, {weight.picture}, {weight.pipeline}: {weight.mib:.0f} MiB above rest")
    for name, value in (result.promises or {}).items():
        words.say(f"{name.replace('_', ' ')}: {value:g}")

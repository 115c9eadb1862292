"""Compares the speed of this system with programs that a user could write instead."""

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
from rayjobs_cli.benchmark.large import Memory
from rayjobs_cli.benchmark.peers import roster
from rayjobs_cli.benchmark.pictures import LARGE, MEDIUM, PNGS, SMALL, WEBPS
from rayjobs_cli.benchmark.sets import PictureSet, make_sets
from rayjobs_cli.benchmark.tools import Pool, System, Tool
from rayjobs_cli.benchmark.turns import Row, take_turns
from rayjobs_cli.console import Terminal
from rayjobs_cli.exit_status import ExitStatus, conclude
from rayjobs_cli.targets.local import stack
from rayjobs_cli.targets.local.plan import LocalOptions
from rayjobs_cli.targets.target import on_this_machine

_QUICK_SHARE = 10
"""`--quick` uses one of so many pictures: it shows that everything works, and little about speed."""
_COUNTS = {SMALL: 1000, MEDIUM: 60, PNGS: 24, WEBPS: 24}
"""Pictures of each kind that is timed."""
_LARGE = {LARGE: len(LARGE.shapes)}


@dataclass(frozen=True)
class Result:
    """The figures of a benchmark."""

    rows: Sequence[Row] = ()
    promises: dict[str, float] | None = None
    weights: Sequence[Memory] = ()

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints."""
        rows, weights = ([each.as_json() for each in found] for found in (self.rows, self.weights))
        return {"ok": True, "rows": rows, "promises": self.promises or {}, "large": weights}


def main() -> int:
    """Run the command; return the exit status."""
    parser = arguments.parser(
        "python scripts/bench.py",
        "Measure the speed of this system, from POST to the last file, and of other tools in turns with\n"
        "it: a pool of processes with the same engine, a pool with plain Pillow, and on request the peers.\n"
        "The command starts a system of its own under DIR/bench; the environments of the peers are there\n"
        "too.",
        "--quick",
        "--against sharp pyvips --jobs thumb-M edit-M",
    )
    parser.add_argument("--quick", action="store_true", help="few pictures and one round: half a minute")
    parser.add_argument("--fewer", type=arguments.count, default=1, metavar="N", help="use one of N pictures")
    parser.add_argument(
        "--rounds", type=arguments.count, default=5, metavar="N", help="rounds of turns (%(default)s)"
    )
    parser.add_argument(
        "--slots",
        type=arguments.count,
        default=2,
        metavar="N",
        help="slots of this system, and processes of every other tool (%(default)s)",
    )
    names = [job.name for job in JOBS]
    parser.add_argument(
        "--jobs", nargs="+", choices=names, metavar="JOB", help=f"only these jobs: {', '.join(names)}"
    )
    against = parser.add_mutually_exclusive_group()
    against.add_argument(
        "--peers", action="store_true", help="compare with every peer that this machine can run"
    )
    against.add_argument(
        "--against",
        nargs="+",
        choices=roster.PEERS,
        metavar="PEER",
        default=(),
        help=f"compare with these peers: {', '.join(roster.PEERS)}",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="measure only the memory of a picture of 104 megapixels; start no system",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file too")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.fewer = 1, _QUICK_SHARE
    # SIGTERM (from `timeout`, from CI) raises KeyboardInterrupt: the command still ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return conclude(lambda: _bench(given), as_json=given.json)


def _bench(given: Namespace) -> ExitStatus:
    terminal = Terminal(stderr=given.json)
    result = _measure_memory(given, terminal) if given.memory else _measure_speed(given, terminal)
    _show(result, terminal)
    if given.markdown:
        given.markdown.write_text(table.markdown(result.rows, result.weights) + "\n", encoding="utf-8")
    if given.json:
        print(json.dumps(result.as_json()))
    return ExitStatus.DONE


def _measure_memory(given: Namespace, terminal: Terminal) -> Result:
    folder = given.state / "bench"
    terminal.say("making the set of large pictures, where it is not there yet ...")
    sets = make_sets(folder / "sets", _LARGE)
    largest = max(sets["L"].folder.iterdir(), key=lambda path: path.stat().st_size)
    return Result(weights=list(large.measure(largest, folder / "large")))


def _measure_speed(given: Namespace, terminal: Terminal) -> Result:
    folder = given.state / "bench"
    jobs = [job for job in JOBS if not given.jobs or job.name in given.jobs]
    sets = _sets(folder / ("quick" if given.quick else "sets"), terminal, quick=given.quick)
    options = LocalOptions(folder, 0, 0, given.slots, tuple(one.folder for one in sets.values()))
    deployed = stack.deploy(options, terminal.progress)
    try:
        client = on_this_machine(deployed.state, changed=deployed.changed).client()
        client.purge()
        rows = _turns(given, [System(client, deployed.state.pids.values())], jobs, sets, terminal)
        if given.jobs:
            return Result(rows)
        first = min(sets["S"].folder.iterdir())
        return Result(rows, promises.measure(client, first, deployed.state.plan.redis_url))
    finally:
        if deployed.changed:
            stack.down(folder)


def _sets(folder: Path, terminal: Terminal, *, quick: bool) -> dict[str, PictureSet]:
    terminal.say("making the sets of pictures, where they are not there yet ...")
    counts = {kind: count // _QUICK_SHARE for kind, count in _COUNTS.items()} if quick else _COUNTS | _LARGE
    return make_sets(folder, counts)


def _turns(
    given: Namespace,
    systems: Sequence[Tool],
    jobs: Sequence[Job],
    sets: dict[str, PictureSet],
    terminal: Terminal,
) -> list[Row]:
    folder = given.state / "bench"
    place = roster.Place(folder / "peers", folder / "out", given.slots)
    peers = tuple(roster.PEERS) if given.peers else given.against
    rows: list[Row] = []
    with ExitStack() as entered:
        tools = [entered.enter_context(tool) for tool in (*systems, *_pools(place))]
        tools += roster.start(peers, place, entered, terminal.say)
        for job in jobs:
            if job.kind.letter in sets:
                pictures = sorted(sets[job.kind.letter].folder.iterdir())
                shortened = replace(job, pictures=max(1, job.pictures // given.fewer))
                rows += take_turns(shortened, pictures, tools, given.rounds, terminal.say)
    return rows


def _pools(place: roster.Place) -> tuple[Pool, ...]:
    return (
        # The same engine in the same environment: the difference is what the rest of the system costs.
        Pool("pool, same engine", pool.by_engine, place.processes, place.outputs, ALLOCATOR),
        Pool("pool, Pillow", pool.by_pillow, place.processes, place.outputs),
    )


def _show(result: Result, terminal: Terminal) -> None:
    if result.rows:
        terminal.print(table.of(result.rows))
    for weight in result.weights:
        terminal.say(f"104 MP, {weight.picture}, {weight.pipeline}: {weight.mib:.0f} MiB above rest")
    for name, value in (result.promises or {}).items():
        terminal.say(f"{name.replace('_', ' ')}: {value:g}")

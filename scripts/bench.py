"""Measures the speed of the running main job against what a user would write instead, in turns, as ratios."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from scripts.bootstrap import enter

    enter()

import json
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass, replace

from rich.table import Table

from rayjobs.allocator import ALLOCATOR
from scripts import arguments
from scripts.benchmark import pool, promises
from scripts.benchmark.jobs import JOBS, Job
from scripts.benchmark.sets import PictureSet, make_sets
from scripts.benchmark.tools import Pool, System, Tool
from scripts.benchmark.turns import Row, take_turns
from scripts.local import stack
from scripts.local.plan import Order
from scripts.outcome import Exit, conclude
from scripts.running import on_this_machine
from scripts.words import Words

_QUICK_SHARE = 10
"""Of so many pictures `--quick` takes one: it shows that all of it works, and little about speed."""
_SMALL, _MEDIUM = 1000, 60


@dataclass(frozen=True)
class Result:
    """What a benchmark found."""

    rows: list[Row]
    promises: dict[str, float]

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints."""
        return {"ok": True, "rows": [row.as_json() for row in self.rows], "promises": self.promises}


def main() -> int:
    """Make the sets, start a system, let all take turns, and print the table."""
    parser = arguments.parser(
        "Time this system from POST to the last file, in turns with hand-written pools of processes: one "
        "with the same engine, one with plain Pillow. It starts a system of its own under DIR/bench.",
        "python scripts/bench.py --rounds 5",
    )
    parser.add_argument("--quick", action="store_true", help="few pictures and one round, in half a minute")
    parser.add_argument("--rounds", type=arguments.count, default=5, help="of turns (%(default)s)")
    parser.add_argument(
        "--slots",
        type=arguments.count,
        default=2,
        help="and processes of a pool (%(default)s)",
    )
    given = parser.parse_args()
    return conclude(lambda: _bench(given), as_json=given.json)


def _bench(given: Namespace) -> Exit:
    words = Words(stderr=given.json)
    folder = given.state / "bench"
    sets = _sets(folder / ("quick" if given.quick else "sets"), words, quick=given.quick)
    order = Order(folder, 0, 0, given.slots, tuple(one.folder for one in sets.values()))
    deployed = stack.deploy(order, lambda line: words.say(f"  {line}", style="dim"))
    try:
        result = _measured(given, deployed, sets, words)
    finally:
        if deployed.changed:
            stack.down(folder)
    _tell(result, words)
    if given.json:
        print(json.dumps(result.as_json()))
    return Exit.DONE


def _sets(folder: Path, words: Words, *, quick: bool) -> dict[str, PictureSet]:
    words.say("making the sets of pictures, where they are not there yet ...")
    share = _QUICK_SHARE if quick else 1
    return make_sets(folder, small=_SMALL // share, medium=_MEDIUM // share, large=not quick)


def _measured(
    given: Namespace, deployed: stack.Deployed, sets: dict[str, PictureSet], words: Words
) -> Result:
    client = on_this_machine(deployed.state, changed=deployed.changed).client()
    client.purge()
    rounds = 1 if given.quick else given.rounds
    rows: list[Row] = []
    with ExitStack() as entered:
        system = System(client, deployed.state.pids.values())
        pools = _pools(given.state / "bench" / "out", given.slots)
        tools: list[Tool] = [entered.enter_context(tool) for tool in (system, *pools)]
        for job in (_shortened(job) if given.quick else job for job in JOBS):
            if job.kind.letter in sets:
                pictures = sorted(sets[job.kind.letter].folder.iterdir())
                rows += take_turns(job, pictures, tools, rounds, words.say)
    first = min(sets["S"].folder.iterdir())
    return Result(rows, promises.measure(client, first, deployed.state.plan.redis_url))


def _pools(folder: Path, processes: int) -> tuple[Pool, ...]:
    return (
        # The same engine in the same environment: what is left between the two is the price of a system.
        Pool("pool, same engine", pool.by_engine, processes, folder, ALLOCATOR),
        Pool("pool, Pillow", pool.by_pillow, processes, folder),
    )


def _shortened(job: Job) -> Job:
    return replace(job, pictures=job.pictures // _QUICK_SHARE)


def _tell(result: Result, words: Words) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("set", "pipeline", "tool"):
        table.add_column(name)
    for name in ("images/s", "rayjobs is", "dB", "MiB"):
        table.add_column(name, justify="right")
    for row in result.rows:
        memory = "-" if row.pss_mib is None else f"{row.pss_mib:.0f}"
        figures = (f"{row.images_per_s:g}", f"{row.ratio:.2f} x", f"{row.db:.1f}", memory)
        table.add_row(row.set, row.pipeline, row.tool, *figures)
    words.print(table)
    for name, value in result.promises.items():
        words.say(f"{name.replace('_', ' ')}: {value:g}")


if __name__ == "__main__":
    sys.exit(main())

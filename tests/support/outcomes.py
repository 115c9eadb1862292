"""Renders files in a process of its own, so that a native library's crash is seen and named.

Run as a program it takes a folder, the file to begin with and what to make of each, and prints one line of
JSON for each file, in the order of names.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import render
from rayjobs.errors import ItemError
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import file_of, picture

Order = Mapping[str, Any]
"""What to make of files: `pipeline` and `output`, as a request has them."""
USUAL: Order = {
    "pipeline": [{"name": "thumbnail", "size": 40}, {"name": "sharpen", "factor": 1.5}],
    "output": {},
}

_ROOT = Path(__file__).parents[2]
_LONGEST_S = 120.0


@dataclass(frozen=True)
class Result:
    """What became of one file."""

    outcome: str
    """`rendered`, an item's error code, `unexpected ...` or `killed by ...`."""
    detail: str = ""
    ms: float = 0.0
    grown_mib: float = 0.0
    """By how much the process's peak memory grew."""


def outcomes(files: Mapping[str, bytes], folder: Path, order: Order = USUAL) -> dict[str, Result]:
    """Render each file, whatever it does to the process that tries."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(files)
    for name in names:
        (folder / name).write_bytes(files[name])
    results: dict[str, Result] = {}
    while len(results) < len(names):
        given = [str(folder), names[len(results)], json.dumps(order)]
        command = [sys.executable, "-m", "tests.support.outcomes", *given]
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, encoding="utf-8", timeout=_LONGEST_S, check=False
        )
        for line in done.stdout.splitlines():
            name, *values = json.loads(line)
            results[name] = Result(*values)
        if done.returncode:
            guilty = names[len(results)]
            cause = signal.Signals(-done.returncode).name if done.returncode < 0 else str(done.returncode)
            results[guilty] = Result(f"killed by {cause}", done.stderr[-500:])
    return results


def _render(path: Path, order: Order) -> Result:
    data = path.read_bytes()
    pipeline, encoding = parse_pipeline(order["pipeline"]), Encoding.model_validate(order["output"])
    began, before = time.perf_counter(), _peak_mib()
    try:
        render(data, pipeline, encoding, Limits())
        outcome, detail = "rendered", ""
    except ItemError as error:
        outcome, detail = error.code, error.detail
    except BaseException as error:  # noqa: BLE001 - anything else is what the test is after
        outcome, detail = f"unexpected {type(error).__name__}", str(error)[:300]
    took = (time.perf_counter() - began) * 1000
    return Result(outcome, detail, round(took, 1), round(_peak_mib() - before, 1))


def _peak_mib() -> float:
    """Return the process's peak of resident memory; rusage would tell the parent's, which it inherits."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _main(folder: str, first: str, order: str) -> None:
    wanted = json.loads(order)
    warm = Path(folder) / ".warm"
    warm.write_bytes(file_of(picture(64, 48), "JPEG"))
    _render(warm, wanted)
    for path in sorted(Path(folder).iterdir(), key=lambda path: path.name):
        if path.name >= first:
            if path.name == os.environ.get("RAYJOBS_TEST_KILL_AT"):
                os.kill(os.getpid(), signal.SIGSEGV)
            result = _render(path, wanted)
            line = [path.name, result.outcome, result.detail, result.ms, result.grown_mib]
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])

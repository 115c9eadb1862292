"""Every parser that is pure Python, searched by coverage for an input that it fails on.

Each target (`targets.py`) has a process, a seed and a time of its own. A minute each, or more:

    RAYJOBS_FUZZ_S=60 RAYJOBS_FUZZ_SEED=7 pytest -s tests/fuzz/test_parsers.py

An input that a target fails on stays in the folder that pytest names; what it did is in the message.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = re.findall(
    r'^    "([\w-]+)": Target\(', (ROOT / "tests" / "fuzz" / "targets.py").read_text("utf-8"), re.MULTILINE
)
"""Read and not imported: the import changes what it measures, for every test after it."""
SECONDS = int(float(os.environ.get("RAYJOBS_FUZZ_S", "5")))
SEED = os.environ.get("RAYJOBS_FUZZ_SEED", "1")
START_S = 90
"""For the imports under instrumentation, and the end, on a busy machine."""
LEAST_INPUTS = 500
"""A search that tried less was none; a quiet core tries 40,000 in five seconds."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="there is no atheris: it has wheels for Linux on x86-64 alone",
)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_ends_in_another_error_or_takes_too_long(name: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.fuzz.targets", name, str(tmp_path), str(SECONDS), SEED)
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS + START_S,
        check=False,
    )
    found = [each.name for each in tmp_path.iterdir() if each.is_file()]
    assert (done.returncode, found) == (0, []), done.stdout[-4000:]
    (tried,) = re.findall(r"^Done (\d+) runs", done.stdout, re.MULTILINE)
    print(f"{name}: {tried} inputs in {SECONDS} s")
    assert int(tried) >= LEAST_INPUTS

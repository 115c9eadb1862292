"""Runs every check and test that needs no cluster; the last lines are the summary of the test runner."""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from rayjobs_cli.arguments import add_json
from rayjobs_cli.development import chromium
from rayjobs_cli.exit_status import ExitStatus, conclude
from rayjobs_cli.setup.bootstrap import ROOT

_FAST_TESTS = ("tests/architecture", "tests/contract", "tests/unit")


@dataclass(frozen=True)
class Step:
    """One check: its name, and the function that returns whether it holds."""

    name: str
    holds: Callable[[], bool]


@dataclass(frozen=True)
class Verdict:
    """How a step ended."""

    name: str
    ok: bool
    seconds: float


class Checks:
    """The steps of the checks; each prints its result.

    Args:
        out: Where the results and the output of the test runner go.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def steps(self, *, fast: bool) -> list[Step]:
        """Return the steps in their order; the tests are the last."""
        read = [
            Step("lint", partial(self.passes, "ruff", "check", "--output-format=concise")),
            Step("format", partial(self.passes, "ruff", "format", "--check")),
            Step("types", partial(self.passes, "mypy")),
            Step("imports", partial(self.passes, "lint-imports")),
            Step("spelling", partial(self.passes, "codespell")),
            Step("dependencies", partial(self.passes, "deptry", ".")),
        ]
        if fast:
            return [*read, Step("tests", partial(self._test, *_FAST_TESTS))]
        return [*read, Step("browser", self.has_browser), Step("tests", partial(self._test, "--cov"))]

    def run(self, steps: Sequence[Step]) -> list[Verdict]:
        """Run every step, also after one that fails, and return the verdict of each.

        Nothing is printed after the last step: the summary of the test runner is the end of the output.
        """
        verdicts: list[Verdict] = []
        for step in steps:
            failed = ", ".join(verdict.name for verdict in verdicts if not verdict.ok)
            if step is steps[-1] and failed:
                self._say(f"FAILED before the {step.name}: {failed}")
            begun = time.monotonic()
            ok = step.holds()
            verdicts.append(Verdict(step.name, ok, round(time.monotonic() - begun, 1)))
            if step is not steps[-1]:
                self._say(f"{step.name:14}{'ok' if ok else 'FAILED':8}{verdicts[-1].seconds:6.1f} s")
        return verdicts

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)  # ahead of what the next tool writes there itself

    def passes(self, tool: str, *arguments: str) -> bool:
        """Return whether a tool finds nothing; show what it prints only if it does."""
        done = _start(tool, *arguments, stdout=subprocess.PIPE)
        if done.returncode:
            self._say(done.stdout.rstrip())
        return not done.returncode

    def _test(self, *arguments: str) -> bool:
        return not _start("pytest", *arguments, stdout=self._out).returncode

    def has_browser(self) -> bool:
        """Return whether the dashboard can be tested in a browser; outside CI its tests may be skipped."""
        found = chromium.provide_chromium(self._say)
        if found is None:
            self._say(
                f"No browser, so its tests {'fail' if chromium.in_ci() else 'are skipped'}. {chromium.REMEDY}"
            )
        return found is not None or not chromium.in_ci()


def _start(tool: str, *arguments: str, stdout: int | TextIO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (str(Path(sysconfig.get_path("scripts")) / tool), *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def main() -> int:
    """Run the steps that the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python scripts/check.py",
        description="Run every check and test that needs no cluster.",
        epilog="example:\n  python scripts/check.py --fast",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--fast", action="store_true", help="only lint, types, and the unit, contract and architecture tests"
    )
    add_json(parser)
    given = parser.parse_args()
    return conclude(lambda: _check(fast=given.fast, as_json=given.json), as_json=given.json)


def _check(*, fast: bool, as_json: bool) -> ExitStatus:
    checks = Checks(sys.stderr if as_json else sys.stdout)
    verdicts = checks.run(checks.steps(fast=fast))
    ok = all(verdict.ok for verdict in verdicts)
    if as_json:
        print(json.dumps({"ok": ok, "steps": [asdict(verdict) for verdict in verdicts]}))
    return ExitStatus.DONE if ok else ExitStatus.FAILED

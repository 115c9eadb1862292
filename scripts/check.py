"""Runs every check and test that needs no cluster; `--fast` leaves out what takes long."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from scripts.bootstrap import enter

    enter(tools=True)

import argparse
import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from scripts import chromium
from scripts.bootstrap import ROOT
from scripts.outcome import Exit, conclude

_FAST_TESTS = ("tests/architecture", "tests/contract", "tests/unit")


@dataclass(frozen=True)
class Step:
    """One check: a name, and the tool that makes it."""

    name: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, name: str, module: str, *arguments: str) -> "Step":
        """Return the step that a tool of this very environment makes."""
        return cls(name, (sys.executable, "-m", module, *arguments))


@dataclass(frozen=True)
class Verdict:
    """How a step ended."""

    name: str
    ok: bool
    seconds: float


STEPS = (
    Step.of("lint", "ruff", "check"),
    Step.of("format", "ruff", "format", "--check"),
    Step.of("types", "mypy"),
    Step.of("imports", "importlinter.cli", "lint"),
    Step.of("spelling", "codespell_lib"),
    Step.of("docstrings", "pydoclint.main", "rayjobs", "api", "scripts"),
    Step.of("dependencies", "deptry", "."),
)

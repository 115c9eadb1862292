"""Renews the locks from pyproject.toml: `python scripts/lock.py [--upgrade]`.

Each lock is universal: it holds for every system and every Python that the project supports. It names no
address: the packages come from the index or mirror that the installer is set to, and must have these hashes.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rayjobs_cli.arguments import add_json
from rayjobs_cli.exit_status import CommandError, ExitStatus, conclude
from rayjobs_cli.setup.bootstrap import LOCK, LOCK_WITH_TOOLS, ROOT

_SOURCES = ("pyproject.toml", "scripts/requirements.in")
_RUN_EXTRAS = ("api", "k8s", "local", "worker")
IMAGE_EXTRAS = {"api": ("api", "scaler"), "ray": ("worker",)}
"""Container image -> the extras that it holds besides the core."""
IMAGE_LOCKS = {image: ROOT / "images" / "docker" / f"{image}.lock" for image in IMAGE_EXTRAS}
BUILD_LOCK = ROOT / "images" / "docker" / "build.lock"
"""The packages that build the wheel in the container images."""
PEER_LOCKS = {
    path: path.with_suffix(".lock")
    for path in sorted((ROOT / "scripts/rayjobs_cli/benchmark/peers").glob("*.in"))
}
"""Requirements of a peer of the benchmark -> its lock."""
_HEAD = "# Made by scripts/lock.py from {}: change that, and run this."
_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-annotate",
    "--no-header",
    "--no-config",
    "--quiet",
)


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python scripts/lock.py",
        description="Renew the locks from pyproject.toml.",
        epilog="example:\n  python scripts/lock.py --upgrade",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--upgrade", action="store_true", help="use the newest versions, not the locked ones")
    add_json(parser)
    arguments = parser.parse_args()
    return conclude(lambda: _renew(upgrade=arguments.upgrade, as_json=arguments.json), as_json=arguments.json)


def _renew(*, upgrade: bool, as_json: bool) -> ExitStatus:
    options = ("--upgrade",) if upgrade else ()
    _compile(LOCK, *(f"--extra={extra}" for extra in _RUN_EXTRAS), *options)
    # The versions of the first lock bind the second, so the second can replace the first.
    _compile(LOCK_WITH_TOOLS, "--all-extras", f"--constraints={LOCK}", *options)
    for image, extras in IMAGE_EXTRAS.items():
        # The container images run the versions that are tested here.
        _compile(
            IMAGE_LOCKS[image], *(f"--extra={extra}" for extra in extras), f"--constraints={LOCK_WITH_TOOLS}"
        )
    for source, lock in PEER_LOCKS.items():
        _compile(lock, *options, sources=(str(source.relative_to(ROOT)),))
    _compile(BUILD_LOCK, *options, sources=(str(BUILD_LOCK.with_suffix(".in").relative_to(ROOT)),))
    locks = (LOCK, LOCK_WITH_TOOLS, *IMAGE_LOCKS.values(), BUILD_LOCK, *PEER_LOCKS.values())
    packages = {lock.name: lock.read_text(encoding="utf-8").count("==") for lock in locks}
    for name, count in packages.items():
        print(f"{name}: {count} packages", file=sys.stderr)
    if as_json:
        print(json.dumps({"ok": True, "packages": packages}))
    return ExitStatus.DONE


def _compile(lock: Path, *options: str, sources: Sequence[str] = _SOURCES) -> None:
    command = (sys.executable, "-m", "uv", "pip", "compile", *sources, f"--output-file={lock}")
    # The settings of this machine must not decide what everybody installs.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    if subprocess.run((*command, *_OPTIONS, *options), cwd=ROOT, env=environment, check=False).returncode:
        raise CommandError("lock_failed", f"uv made no {lock.name}.", "See above.", ExitStatus.FAILED)
    lock.write_text(
        f"{_HEAD.format(sources[0])}\n{lock.read_text(encoding='utf-8')}", encoding="utf-8", newline="\n"
    )

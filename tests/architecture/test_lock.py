import json
import re
import tomllib
from pathlib import Path

import pytest

from rayjobs_cli.development.lock import BUILD_LOCK, IMAGE_EXTRAS, IMAGE_LOCKS, PEER_LOCKS
from rayjobs_cli.setup.bootstrap import LOCK, LOCK_WITH_TOOLS, ROOT

PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n", re.MULTILINE)
OURS = [LOCK, LOCK_WITH_TOOLS, *IMAGE_LOCKS.values()]
EACH_OF_OURS = pytest.mark.parametrize("lock", OURS, ids=lambda lock: lock.name)
EACH = pytest.mark.parametrize("lock", [*OURS, BUILD_LOCK, *PEER_LOCKS.values()], ids=lambda lock: lock.name)
NPM_LOCKS = {
    ROOT / "scripts" / "rayjobs_cli" / "benchmark" / "peers" / "sharp" / "package-lock.json": 10,
    ROOT / "api" / "package-lock.json": 2,
}
"""Each with the least packages that it names."""


def pins(lock: Path) -> set[tuple[str, str]]:
    return set(PIN.findall(lock.read_text(encoding="utf-8")))


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>; ]", requirement)[0]).lower()


@EACH
def test_every_line_of_a_lock_is_a_pin_with_its_hashes(lock: Path) -> None:
    rest = PIN.sub("", lock.read_text(encoding="utf-8"))
    assert [line for line in rest.splitlines() if not line.startswith("#")] == []
    assert len(pins(lock)) > (50 if lock in OURS else 10 if lock in PEER_LOCKS.values() else 3)


@EACH
def test_a_lock_names_no_address_and_no_file(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^-|\s--(?!hash=)", text, re.MULTILINE)


@pytest.mark.parametrize(("lock", "least"), NPM_LOCKS.items(), ids=lambda value: str(value)[-40:])
def test_a_lock_of_npm_names_versions_and_hashes_and_no_address(lock: Path, least: int) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert len(packages) >= least
    assert all({"version", "integrity"} <= set(each) for each in packages.values())
    assert "://" not in text


@EACH_OF_OURS
def test_the_lock_with_tools_can_stand_in_for_the_others(lock: Path) -> None:
    assert pins(lock) <= pins(LOCK_WITH_TOOLS)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    run = [*project["dependencies"], *extras["api"], *extras["local"], *extras["worker"]]
    assert {canonical(name) for name in run} <= {name for name, _ in pins(LOCK)}
    assert {canonical(name) for name in extras["dev"]} <= {name for name, _ in pins(LOCK_WITH_TOOLS)}


def test_one_version_of_the_build_backend_builds_everywhere() -> None:
    [required] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"][
        "requires"
    ]
    pin = tuple(required.split("=="))
    assert pin in pins(BUILD_LOCK)
    assert pin in pins(LOCK)


@pytest.mark.parametrize("image", IMAGE_LOCKS)
def test_a_container_image_holds_what_it_needs_and_no_more(image: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    held = {name for name, _ in pins(IMAGE_LOCKS[image])}
    needed = [*project["dependencies"], *(name for extra in IMAGE_EXTRAS[image] for name in extras[extra])]
    assert {canonical(name) for name in needed} <= held
    assert ("ray" in held) == (image == "ray")
    assert "pytest" not in held

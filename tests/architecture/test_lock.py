import re
import tomllib
from pathlib import Path

import pytest

from scripts.bootstrap import LOCK, LOCK_WITH_TOOLS, ROOT

PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n", re.MULTILINE)
BOTH = pytest.mark.parametrize("lock", [LOCK, LOCK_WITH_TOOLS], ids=lambda lock: lock.name)


def pins(lock: Path) -> set[tuple[str, str]]:
    return set(PIN.findall(lock.read_text(encoding="utf-8")))


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[=<>; ]", requirement)[0]).lower()


@BOTH
def test_every_line_of_a_lock_is_a_pin_with_its_hashes(lock: Path) -> None:
    rest = PIN.sub("", lock.read_text(encoding="utf-8"))
    assert [line for line in rest.splitlines() if not line.startswith("#")] == []
    assert len(pins(lock)) > 50


@BOTH
def test_a_lock_names_no_address_and_no_file(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^-|\s--(?!hash=)", text, re.MULTILINE)


def test_the_lock_with_tools_can_stand_in_for_the_other() -> None:
    assert pins(LOCK) <= pins(LOCK_WITH_TOOLS)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    run = [*project["dependencies"], *extras["api"], *extras["local"], *extras["worker"]]
    assert {canonical(name) for name in run} <= {name for name, _ in pins(LOCK)}
    assert {canonical(name) for name in extras["dev"]} <= {name for name, _ in pins(LOCK_WITH_TOOLS)}

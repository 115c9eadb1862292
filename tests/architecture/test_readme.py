"""The README stays true: its tables, its commands, its length."""

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from rayjobs.filters import FAMILIES
from rayjobs.settings import Settings
from rayjobs_api.app import create_app
from tests.architecture.tree import tree_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^python (scripts/\w+\.py)", README, re.MULTILINE)))


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_it_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 130


def test_its_routes_are_those_of_the_api() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`?]*)`", section("API"))) == served


def test_its_filters_are_those_of_the_catalogue() -> None:
    rows = re.findall(r"^\| (\w+) \| (.*) \|$", section("Filters"), re.MULTILINE)
    told = {family: re.findall(r"`(\w+)`", names) for family, names in rows if family != "family"}
    known = {family: [cls.title() for cls in classes] for family, classes in FAMILIES.items()}
    assert told == known


def test_its_settings_are_settings() -> None:
    known = {f"RAYJOBS_{name.upper()}" for name in Settings.model_fields}
    known -= {"RAYJOBS_REDIS_URL", "RAYJOBS_RAY_ADDRESS"}
    assert set(re.findall(r"`([A-Z_]{4,})`", section("Settings"))) <= known | {"REDIS_URL", "RAY_ADDRESS"}


def test_every_setting_has_its_meaning_where_the_readme_says() -> None:
    [settings] = [
        each for each in tree_of(Path("rayjobs/settings.py")).body if isinstance(each, ast.ClassDef)
    ]
    meanings = {
        field.target.id: meaning.value.value
        for field, meaning in pairwise(settings.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(meaning, ast.Expr) and isinstance(meaning.value, ast.Constant)
    }
    assert meanings.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_answer_help_with_an_example(command: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / command, "--help"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert f"python {command}" in done.stdout


def test_every_file_it_names_is_there() -> None:
    named = re.findall(r"`((?:rayjobs|tests|scripts|images|api)/[\w./]+)`", README)
    assert [name for name in named if not (ROOT / name).exists()] == []

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, modules, tree_of

VAGUE = {"common", "handler", "helper", "helpers", "manager", "misc", "util", "utils"}
MAPPED = (
    "api",
    "k8s",
    "rayjobs/codec",
    "scripts",
    "scripts/rayjobs_cli/benchmark",
    "scripts/cluster",
    "scripts/local",
)
"""Packages whose docstring is a map of their modules."""


def test_a_module_is_named_for_what_it_is() -> None:
    vague = [path for path in modules(*PACKAGES, "tests") if VAGUE & set(path.stem.strip("_").split("_"))]
    assert vague == []


@pytest.mark.parametrize("package", MAPPED)
def test_a_map_names_every_module(package: str) -> None:
    folder = Path(package)
    named = re.findall(r"\w+", ast.get_docstring(tree_of(folder / "__init__.py")) or "")
    there = {path.stem for path in modules(folder.parts[0]) if path.parent == folder}
    assert there - {"__init__", *named} == set()

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, modules, tree_of

VAGUE = {"common", "handler", "helper", "helpers", "manager", "misc", "util", "utils"}
MAPPED = sorted(
    {path.parent for path in modules(*PACKAGES) if path.name == "__init__.py"} - {Path("rayjobs/filters")}
)
"""Packages whose docstring is a map of their modules; the families of filters are listed in the catalogue."""


def test_a_module_is_named_for_what_it_is() -> None:
    vague = [path for path in modules(*PACKAGES, "tests") if VAGUE & set(path.stem.strip("_").split("_"))]
    assert vague == []


@pytest.mark.parametrize("package", MAPPED, ids=str)
def test_a_map_names_every_module_and_every_package_below(package: Path) -> None:
    named = re.findall(r"\w+", ast.get_docstring(tree_of(package / "__init__.py")) or "")
    inside = [path for path in modules(package.parts[0]) if package in path.parents]
    there = {path.relative_to(package).parts[0].removesuffix(".py") for path in inside}
    assert there - {"__init__", *named} == set()

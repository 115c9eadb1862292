"""Which version of rayjobs this is, installed or run from its folder."""

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


@cache
def current() -> str:
    """Return the version: that of `pyproject.toml` in a clone, else that of the installed package.

    A clone comes first: what is installed beside it may be older. In a copy that has neither it is "unknown".
    """
    if _PROJECT.is_file():
        found: str = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["version"]
        return found
    try:
        return version("rayjobs")
    except PackageNotFoundError:
        return "unknown"

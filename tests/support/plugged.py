"""Plug-ins that are there for one test: packages on a path, as an installer would leave them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rayjobs import filters


def lay(folder: Path, package: str, version: str = "1.0", *, source: str = "", **points: str) -> Path:
    """Write a package of one module, of the same name, with entry points; return the folder for the path."""
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
    )
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[rayjobs.filters]", *lines]), encoding="utf-8")
    (folder / f"{package}.py").write_text(source, encoding="utf-8")
    return folder


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts, find the packages of a folder."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        filters.plugins.cache_clear()
        try:
            yield
        finally:
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                    del sys.modules[name]
    filters.plugins.cache_clear()

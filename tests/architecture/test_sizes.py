from collections.abc import Iterable
from pathlib import Path

from tests.architecture.tree import PACKAGES, ROOT, files

LINES = 450
TEST_LINES = 600
SOURCES = {".css", ".html", ".js", ".lua", ".py"}
EXCEPTIONS: dict[str, str] = {}
"""A file that may be longer, and why."""


def too_long(paths: Iterable[Path], limit: int) -> dict[str, int]:
    lengths = {path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths}
    return {path: lines for path, lines in lengths.items() if lines > limit and path not in EXCEPTIONS}


def test_a_source_file_is_read_in_one_sitting() -> None:
    sources = [path for path in files() if path.parts[0] in PACKAGES and path.suffix in SOURCES]
    assert too_long(sources, LINES) == {}


def test_a_test_file_is_read_in_one_sitting() -> None:
    tests = [path for path in files() if path.parts[0] == "tests" and path.suffix in SOURCES]
    assert too_long(tests, TEST_LINES) == {}


def test_no_exception_outlives_its_file() -> None:
    assert [path for path in EXCEPTIONS if not (ROOT / path).is_file()] == []

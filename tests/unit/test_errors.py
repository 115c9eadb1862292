import ast
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayjobs import errors


def tree(cls: type[errors.RayJobsError]) -> Iterator[type[errors.RayJobsError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from tree(below)


@pytest.mark.parametrize("cls", list(tree(errors.RayJobsError)))
def test_every_error_survives_the_way_between_processes(cls: type[errors.RayJobsError]) -> None:
    error = cls("too much")
    error.limit, error.actual = 3, "4"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is cls
    assert (str(copy), copy.detail, copy.limit, copy.actual, copy.code) == (
        "too much",
        "too much",
        3,
        "4",
        cls.code,
    )


def test_the_item_codes_are_those_of_the_contract() -> None:
    contract = """source_not_found source_forbidden source_too_large source_changed unsupported_format
    too_many_pixels too_many_frames decode_failed truncated filter_failed encode_failed output_denied
    output_no_space output_conflict worker_crashed worker_oom deadline cancelled"""
    assert set(errors.ITEM_ERRORS) == set(contract.split())


def test_the_tree_in_the_docstring_names_every_class() -> None:
    named = [cls.__name__ for cls in tree(errors.RayJobsError) if not issubclass(cls, errors.ItemError)]
    assert [name for name in named if name not in (errors.__doc__ or "")] == []


def test_a_code_is_written_once_and_in_its_class() -> None:
    source = ast.parse(Path(errors.__file__).read_text("utf-8"))
    written = Counter(
        node.value.value
        for node in ast.walk(source)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target) == "code"
    )
    assert set(written) == {cls.code for cls in tree(errors.RayJobsError)}
    assert [code for code, times in written.items() if times > 1 and code != "invalid_request"] == []


GENERIC = {"cancelled", "conflict", "deadline", "truncated"}
"""Codes that are also names of states, of counts, of options."""


@pytest.mark.parametrize("root", ["rayjobs", "api"])
def test_no_module_writes_a_code_by_itself(root: str) -> None:
    codes = {cls.code for cls in tree(errors.RayJobsError)} - GENERIC - {"max_failed_ratio"}
    base = Path(errors.__file__).parent.parent / root
    found = [
        f"{path.relative_to(base)}:{node.lineno} {node.value}"
        for path in sorted(base.rglob("*.py"))
        if path != Path(errors.__file__)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in codes
    ]
    assert found == []


def test_no_script_writes_a_code_by_itself() -> None:
    codes = {cls.code for cls in tree(errors.RayJobsError)} - {"cancelled"}
    folder = Path(errors.__file__).parent / "adapters" / "redis" / "lua"
    found = [
        f"{path.name}: {code}"
        for path in sorted(folder.glob("*.lua"))
        for code in codes
        if f"'{code}'" in path.read_text("utf-8")
    ]
    assert found == []

import pickle
from collections.abc import Iterator

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

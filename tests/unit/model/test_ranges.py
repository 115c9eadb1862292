from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayjobs.model.lease import Pace
from rayjobs.model.ranges import Cover, Range, runs


@given(first=st.integers(0, 10**9), count=st.integers(2, 10**6), attempt=st.integers(1, 9))
def test_halves_are_the_range_for_another_attempt(first: int, count: int, attempt: int) -> None:
    left, right = Range(first, count, attempt).halves()
    assert (left.first, left.end, right.end) == (first, right.first, first + count)
    assert left.attempt == right.attempt == attempt + 1
    assert abs(left.count - right.count) <= 1


def test_one_item_has_one_half() -> None:
    assert Range(5, 1, 1).halves() == [Range(5, 1, 2)]


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_exactly_the_indices_in_the_fewest_ranges(indices: set[int]) -> None:
    found = runs(indices, attempt=2)
    assert [i for r in found for i in r.indices()] == sorted(indices)
    assert all(a.end < b.first for a, b in pairwise(found))
    assert all(r.attempt == 2 for r in found)


@pytest.mark.parametrize(
    ("waiting", "slots", "item_ms", "expected", "why"),
    [
        (1000, 2, None, 1, "the speed is unknown"),
        (1000, 2, 10.0, 100, "at most a second of work"),
        (400, 2, 10.0, 50, "a quarter of each slot's share"),
        (16, 2, 10.0, 6, "at least 60 ms of work"),
        (3, 2, 10.0, 3, "no more than there are"),
        (1000, 2, 5000.0, 1, "never less than one"),
        (10**8, 1000, 0.0, 60_000, "an engine that takes no time"),
    ],
)
def test_a_chunk_has_the_size_that(
    waiting: int, slots: int, item_ms: float | None, expected: int, why: str
) -> None:
    assert Pace(floor_ms=60, cap_ms=1000).size(waiting, slots, item_ms) == expected, why


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8))), st.integers(0, 30), st.integers(1, 10))
def test_a_cover_is_the_set_of_what_was_added(added: list[tuple[int, int]], first: int, count: int) -> None:
    cover, items = Cover(), set[int]()
    for chunk in added:
        cover.add(Range(*chunk))
        items |= set(Range(*chunk).indices())
    wanted = Range(first, count, 4)
    assert cover.gaps(wanted) == runs(set(wanted.indices()) - items, 4)

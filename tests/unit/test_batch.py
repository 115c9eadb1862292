import pytest

from rayjobs.batch import (
    CLAIMABLE,
    TERMINAL,
    TRANSITIONS,
    Counts,
    State,
    check_transition,
    final_state,
    moment,
)
from rayjobs.errors import IllegalTransitionError


def test_every_state_has_its_row_and_every_end_is_reached_through_finalizing() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, after in TRANSITIONS.items():
        assert not (after & TERMINAL) or state is State.FINALIZING
    assert TRANSITIONS[State.FINALIZING] == TERMINAL
    assert not CLAIMABLE & TERMINAL


def test_an_illegal_transition_is_a_bug() -> None:
    check_transition(State.QUEUED, State.RUNNING)
    with pytest.raises(IllegalTransitionError):
        check_transition(State.SUCCEEDED, State.RUNNING)


@pytest.mark.parametrize(
    ("counts", "cancelled", "expected"),
    [
        (Counts(total=3, succeeded=3), False, State.SUCCEEDED),
        (Counts(total=3, succeeded=1, cached=1, skipped=1), False, State.SUCCEEDED),
        (Counts(total=3, succeeded=2, failed=1), False, State.PARTIAL),
        (Counts(total=3, failed=3), False, State.FAILED),
        (Counts(total=0), False, State.FAILED),
        (Counts(total=3, succeeded=2, cancelled=1), True, State.CANCELLED),
    ],
)
def test_the_final_state_follows_from_the_counts(counts: Counts, cancelled: bool, expected: State) -> None:  # noqa: FBT001
    assert final_state(counts, cancelled=cancelled) is expected


def test_moments_are_rfc_3339_in_utc() -> None:
    assert moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert moment(None) is None

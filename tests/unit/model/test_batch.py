import pytest

from rayjobs.errors import IllegalTransitionError
from rayjobs.model.batch import (
    CLAIMABLE,
    ENDINGS,
    TERMINAL,
    TRANSITIONS,
    VERBS,
    Counts,
    State,
    Verb,
    check_transition,
    final_state,
    moment,
)


def test_every_state_has_its_row_and_every_end_is_reached_through_finalizing() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, after in TRANSITIONS.items():
        assert not (after & TERMINAL) or state is State.FINALIZING
    assert TRANSITIONS[State.FINALIZING] == TERMINAL
    assert not CLAIMABLE & TERMINAL


def test_every_verb_leads_where_the_states_allow_it() -> None:
    assert set(VERBS) == set(Verb)
    for verb, row in VERBS.items():
        for here, there in row.items():
            assert here is there or there in TRANSITIONS[here], (verb, here)
        assert State.FINALIZING not in row, f"{verb} has no say once the end has come"
    for verb, ending in ENDINGS.items():
        assert VERBS[verb][ending] is ending, "a repeat is no fault"


def test_an_illegal_transition_is_a_bug() -> None:
    check_transition(State.QUEUED, State.RUNNING)
    with pytest.raises(IllegalTransitionError):
        check_transition(State.SUCCEEDED, State.RUNNING)


@pytest.mark.parametrize(
    ("counts", "ending", "expected"),
    [
        (Counts(total=3, succeeded=3), None, State.SUCCEEDED),
        (Counts(total=3, succeeded=1, cached=1, skipped=1), None, State.SUCCEEDED),
        (Counts(total=3, succeeded=2, failed=1), None, State.PARTIAL),
        (Counts(total=3, failed=3), None, State.FAILED),
        (Counts(total=0), None, State.FAILED),
        (Counts(total=3, succeeded=2, cancelled=1), State.CANCELLED, State.CANCELLED),
        (Counts(total=3, succeeded=2, failed=1), State.FAILED, State.FAILED),
    ],
)
def test_the_final_state_follows_from_the_counts(
    counts: Counts, ending: State | None, expected: State
) -> None:
    assert final_state(counts, ending) is expected


def test_moments_are_rfc_3339_in_utc() -> None:
    assert moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert moment(None) is None

import pytest

from rayjobs.model.terms import BatchTerms


def test_terms_are_read_from_the_document_that_they_keep() -> None:
    document = {
        "max_attempts": 2,
        "priority": 5,
        "deadline_s": 1.5,
        "max_failed_ratio": 0.25,
        "labels": {"who": "me"},
    }
    terms = BatchTerms.of(document)
    assert terms == BatchTerms(document, 2, 5, 1.5, 0.25, {"who": "me"})
    assert terms.document is document
    assert [terms.has_label(label) for label in (None, ("who", "me"), ("who", "you"), ("why", "me"))] == [
        True,
        True,
        False,
        False,
    ]


def test_a_document_may_leave_out_all_but_the_attempts() -> None:
    assert BatchTerms.of({"max_attempts": 1}) == BatchTerms({"max_attempts": 1}, 1, labels={})
    with pytest.raises(KeyError, match="max_attempts"):
        BatchTerms.of({})

from typing import Any

from rayjobs_cli.load_test.verdict import errors_by_code, judge


def batch(
    state: str = "succeeded", errors_by_code: dict[str, int] | None = None, **counts: int
) -> dict[str, Any]:
    nothing = dict.fromkeys(("pending", "running", "cached", "skipped", "failed", "cancelled"), 0)
    return {
        "id": "b_1",
        "state": state,
        "counts": nothing | {"total": 2, "succeeded": 2} | counts,
        "exact": True,
        "errors_by_code": errors_by_code or {},
    }


def test_batches_that_did_all_that_was_asked_are_ok() -> None:
    assert judge([batch(), batch()], 2, {}).ok


def test_a_failed_batch_is_named_with_the_codes_of_its_items() -> None:
    failed = batch(state="partial", succeeded=1, failed=1, errors_by_code={"decode_failed": 1})
    verdict = judge([batch(), failed], 2, {})
    assert verdict.faults == (
        "b_1 is partial: 1 decode_failed",
        "b_1 counts 1 good of 2; 2 were asked for",
    )


def test_a_batch_that_lost_an_item_is_not_ok_though_it_says_it_succeeded() -> None:
    assert judge([batch(total=1, succeeded=1)], 2, {}).faults == ("b_1 counts 1 good of 1; 2 were asked for",)


def test_counts_that_do_not_sum_to_their_total_are_told() -> None:
    (fault,) = judge([batch(running=1)], 2, {}).faults
    assert "do not sum" in fault


def test_items_from_the_cache_count_as_good() -> None:
    assert judge([batch(succeeded=1, cached=1)], 2, {}).ok


def test_unusable_outputs_are_told_and_many_are_counted() -> None:
    verdict = judge([batch()], 2, {("b_1", index): "is gone" for index in range(7)})
    assert verdict.faults[0] == "b_1, item 0: is gone"
    assert verdict.faults[-1] == "2 more outputs can't be used"
    assert len(verdict.faults) == 6


def test_codes_are_summed_over_batches_the_most_frequent_first() -> None:
    batches = [batch(errors_by_code={"a": 1}), batch(errors_by_code={"b": 3, "a": 1})]
    assert list(errors_by_code(batches).items()) == [("b", 3), ("a", 2)]

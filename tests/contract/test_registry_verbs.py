"""Verbs: paused, resumed, ended early, retried, deleted; the counts stay exact, the log tells of each."""

import time
from dataclasses import replace

import pytest

from rayjobs.errors import ConflictError, NotFoundError, RegistryBehindError
from rayjobs.model.batch import State, Verb
from rayjobs.model.item import Fault
from rayjobs.model.lease import Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import NewBatch, Registry, Retry
from tests.contract.test_registry_queue import claim, done, drain, new
from tests.support.waiting import wait_until


def with_terms(batch: NewBatch, **terms: object) -> NewBatch:
    return replace(batch, document=batch.document | terms)


def steer(registry: Registry, verb: Verb, batch_id: str = "b_1") -> State:
    return registry.steer(batch_id, verb, "me").state


def log(registry: Registry) -> list[tuple[str, str, str]]:
    return [(move.state.value, move.cause, move.actor) for move in registry.moves()]


def test_a_paused_batch_gives_no_chunk_while_what_runs_is_settled(registry: Registry) -> None:
    registry.submit(new("b_1", 10))
    [first, second] = [*claim(registry), *claim(registry)]
    assert steer(registry, Verb.PAUSE) is State.PAUSED
    assert steer(registry, Verb.PAUSE) is State.PAUSED, "a repeat changes nothing"
    assert claim(registry) == []
    assert registry.settle(first, done(first)).state is State.PAUSED
    registry.settle(second, Tally(again=(second.range,)))
    assert claim(registry) == [], "what comes back waits too"
    counts = registry.get("b_1").counts
    assert (counts.succeeded, counts.pending, counts.running) == (1, 9, 0)
    assert steer(registry, Verb.RESUME) is State.RUNNING
    assert steer(registry, Verb.RESUME) is State.RUNNING, "a repeat changes nothing"
    assert sorted(i for r in drain(registry) for i in r.indices()) == list(range(1, 10))


def test_a_pause_before_the_first_claim_goes_back_to_the_queue(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    steer(registry, Verb.PAUSE)
    assert steer(registry, Verb.RESUME) is State.QUEUED
    assert len(drain(registry)) == 1


def test_a_paused_batch_is_listed_on_and_goes_on_expanding(registry: Registry) -> None:
    registry.submit(new("b_1", 0, exact=False))
    steer(registry, Verb.PAUSE)
    assert registry.expanding() == ["b_1"]
    assert registry.extend("b_1", 2)
    assert claim(registry) == []
    assert steer(registry, Verb.RESUME) is State.EXPANDING
    steer(registry, Verb.PAUSE)
    assert registry.seal("b_1").state is State.PAUSED
    assert steer(registry, Verb.RESUME) is State.QUEUED
    assert len(drain(registry)) == 2


def test_a_paused_batch_whose_last_chunk_ends_needs_nobody_to_resume_it(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    [lease] = claim(registry)
    steer(registry, Verb.PAUSE)
    assert registry.settle(lease, done(lease)).closable


def test_a_pause_of_the_farm_shows_why_until_it_is_resumed(registry: Registry) -> None:
    registry.submit(new("b_1"))
    why = Fault("output_no_space", "no space is left", retryable=True)
    batch = registry.steer("b_1", Verb.PAUSE, "dispatcher", "output_no_space", why)
    assert batch.error == why.as_json()
    assert registry.steer("b_1", Verb.RESUME, "me").error is None
    assert log(registry)[1:] == [("paused", "output_no_space", "dispatcher"), ("queued", "resume", "me")]


def test_cancel_drops_what_waits_and_lets_finish_what_runs(registry: Registry) -> None:
    registry.submit(new("b_1", 10))
    [lease] = claim(registry)
    batch = registry.steer("b_1", Verb.CANCEL, "me")
    assert (batch.state, batch.counts.cancelled, batch.counts.running) == (State.FINALIZING, 9, 1)
    assert registry.steer("b_1", Verb.CANCEL, "me").state is State.FINALIZING, "a repeat changes nothing"
    assert registry.closable() == []
    assert claim(registry) == []
    assert registry.settle(lease, done(lease)).closable
    assert registry.close("b_1", State.CANCELLED).counts.succeeded == 1
    assert registry.steer("b_1", Verb.CANCEL, "me").state is State.CANCELLED, "a repeat changes nothing"
    with pytest.raises(ConflictError, match="cancelled"):
        registry.steer("b_1", Verb.RESUME, "me")


def test_items_that_come_back_to_a_cancelled_batch_are_cancelled(registry: Registry) -> None:
    registry.submit(new("b_1", 1))
    [lease] = claim(registry)
    registry.steer("b_1", Verb.CANCEL, "me")
    assert registry.settle(lease, Tally(again=(Range(0, 1, 2),))).closable
    assert registry.get("b_1").counts.cancelled == 1


def test_retry_puts_failed_items_back_until_the_batch_ends_again(registry: Registry) -> None:
    registry.submit(new("b_1", 2))
    for ending, errors in (({"succeeded": 1}, {}), ({"failed": 1}, {"truncated": 1})):
        [lease] = claim(registry)
        registry.settle(lease, Tally(ending, errors))
    with pytest.raises(ConflictError):
        registry.retry("b_1", Retry([Range(1, 1)], {"truncated": 1}), "me")
    registry.close("b_1", State.PARTIAL)
    batch = registry.retry("b_1", Retry([Range(1, 1)], {"truncated": 1}), "me")
    assert (batch.state, batch.counts.pending, batch.counts.failed) == (State.QUEUED, 1, 0)
    assert batch.errors_by_code == {}
    assert batch.finished_ms is None
    [lease] = claim(registry)
    assert lease.range == Range(1, 1)
    assert registry.settle(lease, done(lease)).closable
    assert registry.close("b_1", State.SUCCEEDED).counts.succeeded == 2


def test_a_batch_that_has_ended_keeps_its_speed_over_the_time_that_it_ran(registry: Registry) -> None:
    registry.submit(new("b_1", 4))
    for failed in (1, 0, 0, 0):
        [lease] = claim(registry)
        one = Tally({"failed": 1}, {"truncated": 1}) if failed else done(lease)
        registry.settle(lease, one)
    first = registry.close("b_1", State.PARTIAL)
    assert first.started_ms is not None
    assert first.finished_ms is not None
    ended_ms = first.finished_ms
    ran_ms = ended_ms - first.started_ms
    assert first.ran_ms == 0
    assert first.speed_per_s == pytest.approx(4000 / max(ran_ms, 1))
    wait_until(lambda: time.time() * 1000 > ended_ms + 30, 2, "time passes in which nothing runs")
    assert registry.get("b_1").speed_per_s == first.speed_per_s
    assert registry.retry("b_1", Retry([Range(0, 1)], {"truncated": 1}), "me").ran_ms == ran_ms
    [lease] = claim(registry)
    registry.settle(lease, done(lease))
    last = registry.close("b_1", State.SUCCEEDED)
    assert last.started_ms is not None
    assert last.finished_ms is not None
    ran_ms += last.finished_ms - last.started_ms
    assert last.speed_per_s == pytest.approx(4000 / max(ran_ms, 1))


def test_the_deadline_ends_a_batch_also_while_it_is_paused(registry: Registry) -> None:
    registry.submit(with_terms(new("b_1", 3), deadline_s=0.1))
    registry.submit(with_terms(new("b_2", 3), deadline_s=60.0))
    [lease] = claim(registry)
    steer(registry, Verb.PAUSE)
    wait_until(lambda: registry.overdue() == ["b_1"], 2, "the deadline passes")
    batch = registry.steer(
        "b_1", Verb.EXPIRE, "dispatcher", "deadline", Fault("deadline", "late", retryable=False)
    )
    assert (batch.state, batch.counts.cancelled) == (State.FINALIZING, 2)
    assert registry.overdue() == []
    assert registry.settle(lease, done(lease)).closable
    batch = registry.get("b_1")
    assert (batch.ending, batch.error) == (
        State.EXPIRED,
        {"code": "deadline", "detail": "late", "retryable": False},
    )
    with pytest.raises(ConflictError):
        steer(registry, Verb.CANCEL)


@pytest.mark.parametrize(("ratio", "claims"), [(0.0, 1), (0.1, 3), (0.5, 11)])
def test_too_many_failures_end_a_batch_early(registry: Registry, ratio: float, claims: int) -> None:
    registry.submit(with_terms(new("b_1", 100), max_failed_ratio=ratio))
    for _ in range(claims):
        [lease] = claim(registry)
        registry.settle(lease, Tally({"failed": 1}, {"truncated": 1}))
    assert registry.closable() == ["b_1"]
    batch = registry.get("b_1")
    assert (batch.ending, batch.counts.failed, batch.counts.cancelled) == (State.FAILED, claims, 100 - claims)
    assert batch.error == {
        "code": "max_failed_ratio",
        "detail": f"{claims} of {claims} items failed, more than max_failed_ratio allows",
        "limit": ratio,
        "actual": 1.0,
    }
    assert log(registry)[-1] == ("finalizing", "max_failed_ratio", "dispatcher")


def test_as_many_failures_as_are_allowed_end_nothing(registry: Registry) -> None:
    registry.submit(with_terms(new("b_1", 4), max_failed_ratio=0.5))
    for ending in ("failed", "failed", "succeeded", "succeeded"):
        [lease] = claim(registry)
        registry.settle(lease, Tally({ending: 1}))
    assert registry.closable() == ["b_1"]
    assert registry.get("b_1").ending is None


def test_a_retry_of_a_batch_that_ended_early_runs_what_never_ran_and_lists_on(registry: Registry) -> None:
    registry.submit(with_terms(new("b_1", 0, exact=False), max_failed_ratio=0.0))
    registry.extend("b_1", 3)
    [lease] = claim(registry)
    registry.settle(lease, Tally({"failed": 1}, {"truncated": 1}))
    assert not registry.extend("b_1", 9)
    assert registry.close("b_1", State.FAILED).exact
    batch = registry.retry("b_1", Retry([Range(0, 3)], {"truncated": 1}, cancelled=2), "me")
    assert (batch.state, batch.exact, batch.error, batch.ending) == (State.EXPANDING, False, None, None)
    assert (batch.counts.pending, batch.counts.failed, batch.counts.cancelled) == (3, 0, 0)
    assert registry.extend("b_1", 4)
    registry.seal("b_1")
    assert sum(r.count for r in drain(registry)) == 4
    assert registry.get("b_1").counts.succeeded == 4


def test_only_what_has_ended_can_be_deleted_and_its_key_is_free_again(registry: Registry) -> None:
    registry.submit(new("b_1", 1, key="k", body_hash="h"))
    with pytest.raises(ConflictError, match="queued"):
        registry.delete("b_1")
    drain(registry)
    with pytest.raises(ConflictError, match="finalizing"):
        registry.delete("b_1")
    registry.close("b_1", State.SUCCEEDED)
    assert registry.delete("b_1").counts.succeeded == 1
    for call in (registry.get, registry.delete, lambda b: registry.events(b, None)):
        with pytest.raises(NotFoundError):
            call("b_1")
    assert registry.page(limit=9, cursor=None, state=None, label=None).batches == []
    assert registry.known("k", "h") is None
    assert registry.submit(new("b_2", key="k", body_hash="other")).id == "b_2"


def test_every_change_of_state_waits_for_the_log_until_it_is_written(registry: Registry) -> None:
    before_ms = int(time.time() * 1000) - 1000
    registry.submit(replace(new("b_1", 1), actor="key:1234"))
    registry.submit(new("b_2", 1))
    steer(registry, Verb.CANCEL, "b_2")
    drain(registry)
    registry.close("b_1", State.SUCCEEDED)
    mine = registry.moves(batch_id="b_1")
    assert [(m.state, m.cause, m.actor) for m in mine] == [
        ("queued", "submit", "key:1234"),
        ("running", "claimed", "dispatcher"),
        ("finalizing", "done", "dispatcher"),
        ("succeeded", "closed", "dispatcher"),
    ]
    assert [m.order for m in mine] == sorted({m.order for m in mine})
    assert all(m.at_ms > before_ms and m.batch_id == "b_1" for m in mine)
    assert registry.moves(mine, batch_id="b_1") == []
    assert {m.batch_id for m in registry.moves()} == {"b_2"}


def test_of_two_retries_one_is_decided_and_the_other_refused(registry: Registry) -> None:
    failed_batch(registry)
    token = registry.reserve("b_1")
    with pytest.raises(ConflictError, match="retried"):
        registry.reserve("b_1")
    with pytest.raises(ConflictError, match="retried"):
        registry.delete("b_1")
    with pytest.raises(ConflictError, match="retried"):
        registry.retry("b_1", Retry([Range(0, 1)], {"x": 1}, token=token - 1), "me")
    assert registry.retry("b_1", Retry([Range(0, 1)], {"x": 1}, token=token), "me").state is State.QUEUED
    [lease] = claim(registry)
    assert lease.token > token, "what runs again is newer than the retry"


def test_a_batch_behind_its_deadline_is_not_retried(registry: Registry) -> None:
    failed_batch(registry, deadline_s=0.05)
    wait_until(lambda: refused(registry), 5, "the deadline is over")


def refused(registry: Registry) -> bool:
    try:
        token = registry.reserve("b_1")
    except ConflictError as error:
        return "deadline_s of b_1 is over" in error.detail
    registry.retry("b_1", Retry([Range(0, 1)], {"x": 1}, token=token), "me")
    [lease] = claim(registry)
    registry.settle(lease, Tally({"failed": 1}, {"x": 1}))
    registry.close("b_1", State.FAILED)
    return False


def failed_batch(registry: Registry, **terms: object) -> None:
    registry.submit(with_terms(new("b_1", 1), **terms))
    [lease] = claim(registry)
    registry.settle(lease, Tally({"failed": 1}, {"x": 1}))
    registry.close("b_1", State.FAILED)


def test_the_moves_of_one_batch_are_found_behind_a_thousand_of_others(registry: Registry) -> None:
    for number in range(40):
        registry.submit(new(f"b_{number:03}", 1))
    for _ in range(13):
        for number in range(40):
            steer(registry, Verb.PAUSE, f"b_{number:03}")
            steer(registry, Verb.RESUME, f"b_{number:03}")
    registry.submit(new("b_last", 1))
    steer(registry, Verb.CANCEL, "b_last")
    assert [move.cause for move in registry.moves(batch_id="b_last")] == ["submit", "cancel"]


def test_a_list_that_ends_is_judged_by_what_has_failed_so_far(registry: Registry) -> None:
    registry.submit(with_terms(new("b_1", 4, exact=False), max_failed_ratio=0.25))
    for lease in [*claim(registry), *claim(registry), *claim(registry), *claim(registry)]:
        bad = lease.range.first < 2
        registry.settle(lease, Tally({"failed" if bad else "succeeded": lease.range.count}))
    assert registry.get("b_1").ending is None, "the others might succeed"
    registry.seal("b_1")
    assert registry.get("b_1").ending is State.FAILED


def test_a_verb_is_judged_on_a_whole_run_alone(registry: Registry) -> None:
    """The dispatcher, which restores it, may steer before."""
    registry.purge()
    for verb in (
        lambda: registry.steer("b_1", Verb.PAUSE, "me", whole=True),
        lambda: registry.reserve("b_1"),
        lambda: registry.retry("b_1", Retry([]), "me"),
        lambda: registry.delete("b_1"),
    ):
        with pytest.raises(RegistryBehindError):
            verb()
    with pytest.raises(NotFoundError):
        registry.steer("b_1", Verb.PAUSE, "me")

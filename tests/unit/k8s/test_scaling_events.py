from dataclasses import replace

import pytest

from rayjobs_k8s.scaling.group_status import GroupStatus, Usage
from rayjobs_k8s.scaling.scaling_events import changes

REST = GroupStatus(
    cpu=Usage(50, 10),
    memory=Usage(80, 31),
    desired=1,
    floor=1,
    wanted=1,
    most=10,
    idle_s=60,
    ready=frozenset("a"),
)


def test_two_equal_statuses_give_no_event() -> None:
    assert changes(REST, REST) == []
    assert REST.is_at_rest


def test_the_hpa_raises_the_floor_and_pods_start_for_it() -> None:
    hot = replace(REST, cpu=Usage(50, 143), desired=3, floor=3)
    assert changes(REST, hot) == ["HPA raised the floor 1 -> 3 (cpu 143%/50%)"]
    assert changes(hot, replace(hot, starting=frozenset("bc"))) == [
        "pod b is starting, for the floor",
        "pod c is starting, for the floor",
    ]


def test_ray_asks_for_more_than_the_floor() -> None:
    asked = replace(REST, wanted=3, starting=frozenset("bc"))
    assert changes(REST, asked) == [
        "Ray asked for 2 more: 1 -> 3",
        "pod b is starting, for Ray",
        "pod c is starting, for Ray",
    ]


def test_the_pods_of_the_floor_are_not_rays_request() -> None:
    raised = replace(REST, floor=4)
    assert changes(raised, replace(raised, wanted=6)) == ["Ray asked for 2 more: 4 -> 6"]
    assert changes(raised, replace(raised, wanted=4)) == []


def test_a_floor_that_rises_below_rays_number_is_one_event() -> None:
    asked = replace(REST, wanted=6)
    assert changes(asked, replace(asked, floor=4)) == ["HPA raised the floor 1 -> 4"]


def test_the_cause_of_a_pod_follows_from_the_number_that_each_asks_for() -> None:
    both = replace(REST, floor=2, wanted=3)
    assert changes(both, replace(both, starting=frozenset("bcd"))) == [
        "pod b is starting, for the floor and Ray",
        "pod c is starting, for Ray",
        "pod d is starting",
    ]


def test_a_pod_becomes_ready() -> None:
    starting = replace(REST, starting=frozenset("b"))
    assert changes(starting, replace(REST, ready=frozenset("ab"))) == ["pod b is ready"]


def test_on_the_way_down_the_hpa_lowers_the_floor_and_then_ray_drains_a_pod() -> None:
    high = replace(REST, floor=2, desired=2, ready=frozenset("ab"))
    assert changes(high, replace(high, floor=1)) == ["HPA lowered the floor 2 -> 1"]
    assert changes(high, replace(REST, drained=frozenset("b"))) == [
        "HPA lowered the floor 2 -> 1",
        "pod b drained, idle 60 s",
    ]


def test_a_pod_that_ray_has_not_drained_is_gone() -> None:
    assert changes(replace(REST, ready=frozenset("ab")), REST) == ["pod b is gone"]


@pytest.mark.parametrize(("percent", "shown"), [(143, "143%/50%"), (0, "0%/50%"), (None, "-/50%")])
def test_a_metric_is_shown_as_kubectl_shows_it(percent: int | None, shown: str) -> None:
    assert str(Usage(50, percent)) == shown

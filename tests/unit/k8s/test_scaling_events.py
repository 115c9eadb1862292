from dataclasses import replace

import pytest

from rayjobs_k8s.scaling.group_status import GroupStatus, Usage
from rayjobs_k8s.scaling.scaling_events import changes

REST = GroupStatus(
    cpu=Usage(50, 10),
    memory=Usage(80, 31),
    wish=1,
    floor=1,
    wanted=1,
    most=10,
    idle_s=60,
    ready=frozenset("a"),
)


def test_nothing_is_told_of_nothing() -> None:
    assert changes(REST, REST) == []
    assert REST.is_at_rest


def test_the_hpa_raises_the_floor_and_the_pods_are_made_for_it() -> None:
    hot = replace(REST, cpu=Usage(50, 143), wish=3, floor=3)
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


def test_ray_takes_the_floor_into_its_number_when_it_asks() -> None:
    floor = replace(REST, floor=4)
    assert changes(floor, replace(floor, wanted=6)) == ["Ray asked for 2 more: 4 -> 6"]
    assert changes(floor, replace(floor, wanted=4)) == []


def test_a_floor_that_rises_under_rays_number_is_told_and_adds_nothing() -> None:
    asked = replace(REST, wanted=6)
    assert changes(asked, replace(asked, floor=4)) == ["HPA raised the floor 1 -> 4"]


def test_who_added_a_pod_is_told_by_how_many_each_asks_for() -> None:
    both = replace(REST, floor=2, wanted=3)
    assert changes(both, replace(both, starting=frozenset("bcd"))) == [
        "pod b is starting, for the floor and Ray",
        "pod c is starting, for Ray",
        "pod d is starting",
    ]


def test_a_pod_becomes_ready() -> None:
    starting = replace(REST, starting=frozenset("b"))
    assert changes(starting, replace(REST, ready=frozenset("ab"))) == ["pod b is ready"]


def test_the_way_down_is_the_floors_first_and_then_rays() -> None:
    high = replace(REST, floor=2, wish=2, ready=frozenset("ab"))
    assert changes(high, replace(high, floor=1)) == ["HPA lowered the floor 2 -> 1"]
    assert changes(high, replace(REST, drained=frozenset("b"))) == [
        "HPA lowered the floor 2 -> 1",
        "pod b drained, idle 60 s",
    ]


def test_a_pod_that_nobody_drained_is_just_gone() -> None:
    assert changes(replace(REST, ready=frozenset("ab")), REST) == ["pod b is gone"]


@pytest.mark.parametrize(("percent", "told"), [(143, "143%/50%"), (0, "0%/50%"), (None, "-/50%")])
def test_a_metric_is_told_as_people_know_it(percent: int | None, told: str) -> None:
    assert str(Usage(50, percent)) == told

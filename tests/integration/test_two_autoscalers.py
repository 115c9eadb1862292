"""The scaler and Ray's own autoscaler on one worker group, without a cluster: who makes and ends a pod."""

import pytest

from tests.support.ray_autoscaler import CYCLE_S, Farm
from tests.support.ray_cluster import ApiServer, ray_cluster

IDLE_S = 60
LONG = 200 // CYCLE_S
"""Cycles that are more than enough for everything idle to go."""


def farm(*, replicas: int = 1, wish: int = 1, most: int = 8) -> Farm:
    """Return a farm that has come to rest."""
    made = Farm(ApiServer(cluster=ray_cluster(replicas=replicas, floor=wish, most=most), wish=wish))
    made.cycle(4)
    return made


def test_a_wish_of_the_hpa_makes_pods_at_once_and_leaves_rays_number_alone() -> None:
    it = farm()
    it.api.wish(4)
    it.cycle()
    assert (len(it.workers), it.api.group["minReplicas"], it.api.group["replicas"]) == (4, 4, 1)


def test_the_way_down_ends_idle_pods_only_and_stops_at_the_floor() -> None:
    it = farm()
    it.api.wish(4)
    it.cycle(6)
    it.busy = set(it.workers[:2])
    it.api.wish(1)
    it.cycle(LONG)
    assert set(it.workers) == it.busy
    assert (len(it.drained), len(it.deleted), it.stopped_hard) == (2, 2, [])
    it.busy = set()
    it.cycle(LONG)
    assert len(it.workers) == 1


def test_demand_grows_the_group_above_the_floor_and_it_returns_there() -> None:
    it = farm(replicas=2, wish=2)
    it.busy, it.demand = set(it.workers), 3
    it.cycle()
    assert (it.api.group["replicas"], it.api.group["minReplicas"]) == (5, 2)
    it.cycle()
    it.busy, it.demand = set(it.workers), 0
    it.cycle(20)
    assert len(it.workers) == 5
    it.busy = set()
    it.cycle(LONG)
    assert (len(it.workers), it.stopped_hard) == (2, [])


def test_nothing_idle_goes_before_its_time() -> None:
    it = farm()
    it.api.wish(3)
    it.cycle(2)
    it.busy = set(it.workers)
    it.cycle()
    it.api.wish(1)
    it.busy = set()
    it.cycle(IDLE_S // CYCLE_S - 2)
    assert len(it.workers) == 3


def test_an_operator_that_is_late_costs_pods_for_a_while_and_never_more_than_the_maximum() -> None:
    it = farm()
    it.api.wish(4)
    it.cycle(operator_is_late=True)
    assert 4 <= len(it.workers) <= 7
    it.cycle(LONG)
    assert len(it.workers) == 4


def test_a_node_that_became_busy_refuses_to_go() -> None:
    it = farm()
    it.api.wish(3)
    it.cycle(6)
    it.api.wish(1)
    it.refuses_to_drain = True  # the GCS knows more than the autoscaler saw
    it.cycle(LONG)
    assert (len(it.workers), it.deleted) == (3, [])


def test_replicas_that_somebody_overwrote_end_no_pod_and_are_mended() -> None:
    it = farm(replicas=5)
    it.busy = set(it.workers)
    it.api.group["replicas"] = 1
    it.cycle()
    assert (len(it.workers), it.deleted) == (5, [])
    it.demand = 1
    it.cycle(2)
    assert len(it.workers) == 6


@pytest.mark.parametrize("wish", [0, 25])
def test_a_wish_out_of_bounds_freezes_nothing(wish: int) -> None:
    it = farm(most=4)
    it.api.wish(wish)
    it.cycle(3)
    it.api.wish(2)
    it.cycle(LONG)
    assert len(it.workers) == 2


def test_a_lower_maximum_ends_busy_pods_so_the_scaler_never_sets_one() -> None:
    it = farm(replicas=4)
    it.busy = set(it.workers)
    it.api.group["maxReplicas"] = 2
    it.cycle(4)
    assert len(it.stopped_hard) == 2

"""Executors: threads of this process, and a real Ray of two nodes."""

import os
import platform
import queue
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from rayjobs.adapters.inline_executor import InlineExecutor
from rayjobs.adapters.ray_executor import RayExecutor
from rayjobs.errors import StoreUnavailableError, WorkerCrashedError
from rayjobs.model.lease import Lease, Tally
from rayjobs.model.ranges import Range
from rayjobs.ports import Executor
from tests.support.waiting import wait_until

Result = tuple[Lease, Tally | Exception]


def run_chunk(raw: Mapping[str, int | str]) -> Tally:
    """Stands for `slot.run_chunk`; the batch's name says what happens."""
    lease = Lease.of(raw)
    if lease.batch_id == "b_away":
        raise StoreUnavailableError("the store is away")
    if lease.batch_id == "b_crash":
        os._exit(7)
    if lease.batch_id == "b_bug":
        raise KeyError("a bug")
    if lease.batch_id == "b_where":
        name = next(
            n["NodeName"] for n in ray.nodes() if n["NodeID"] == ray.get_runtime_context().get_node_id()
        )
        return Tally({name: 1})
    return Tally({"succeeded": lease.range.count}, busy_ms=float(os.getpid()))


def warm() -> int:
    return os.getpid()


@pytest.fixture(scope="module", params=["inline", "ray"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "inline":
        inline = InlineExecutor(run_chunk)
        yield inline
        inline.close()
        return
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    # A Ray of this process's own; its dashboard would take a port that is everybody's.
    head = {"num_cpus": 1, "node_name": "one", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, node_name="two")
    on_ray = RayExecutor(cluster.address, run_chunk, warm)
    on_ray.warm()
    yield on_ray
    ray.shutdown()
    cluster.shutdown()


def lease(batch_id: str, token: int = 1) -> Lease:
    return Lease(token, batch_id, "r_1", Range(0, 3))


def collect(executor: Executor, *leases: Lease) -> dict[int, Tally | Exception]:
    inbox: queue.SimpleQueue[Result] = queue.SimpleQueue()
    for each in leases:
        executor.start(each, lambda done, result: inbox.put((done, result)))
    found: dict[int, Tally | Exception] = {}
    for _ in leases:
        done, result = inbox.get(timeout=30)
        found[done.token] = result
    assert inbox.empty()
    return found


def test_it_knows_how_many_chunks_run_at_once(executor: Executor) -> None:
    assert executor.slots() == 2


def test_slots_of_a_node_that_is_avoided_do_not_count(executor: Executor) -> None:
    if isinstance(executor, InlineExecutor):
        return  # its node is this process
    executor.avoid({platform.node()})
    assert executor.slots() == 0
    executor.avoid({"elsewhere"})
    assert executor.slots() == 2
    assert len(collect(executor, lease("b_1"))) == 1
    executor.avoid(())
    assert executor.slots() == 2


def test_nothing_is_started_on_a_node_that_drains(executor: Executor) -> None:
    if isinstance(executor, InlineExecutor):
        return  # it has one node
    executor.avoid({"two"})
    try:
        assert executor.slots() == 1
        assert places(collect(executor, *(lease("b_where", token) for token in range(10)))) == {"one"}
    finally:
        executor.avoid(())
    assert executor.slots() == 2
    wait_until(
        lambda: (
            places(collect(executor, *(lease("b_where", token) for token in range(10)))) == {"one", "two"}
        ),
        20,
        "both are used again",
    )


def places(found: dict[int, Tally | Exception]) -> set[str]:
    return {name for tally in found.values() if isinstance(tally, Tally) for name in tally.counts}


def test_every_chunk_comes_back_once_with_its_tally(executor: Executor) -> None:
    found = collect(executor, *(lease("b_1", token) for token in range(20)))
    assert sorted(found) == list(range(20))
    assert all(isinstance(r, Tally) and r.counts == {"succeeded": 3} for r in found.values())


def test_a_chunk_that_is_started_twice_comes_back_twice(executor: Executor) -> None:
    inbox: queue.SimpleQueue[Result] = queue.SimpleQueue()
    for _ in range(2):
        executor.start(lease("b_1"), lambda done, result: inbox.put((done, result)))
    assert [inbox.get(timeout=30)[0] for _ in range(2)] == [lease("b_1")] * 2


def test_an_error_of_ours_comes_back_as_itself(executor: Executor) -> None:
    [result] = collect(executor, lease("b_away")).values()
    assert isinstance(result, StoreUnavailableError)
    assert result.detail == "the store is away"


def test_a_bug_comes_back_as_an_error_that_names_it(executor: Executor) -> None:
    [result] = collect(executor, lease("b_bug")).values()
    assert isinstance(result, Exception)
    assert not isinstance(result, WorkerCrashedError)
    assert "a bug" in str(result)


def test_a_slot_that_ends_without_a_word_is_said_so_and_replaced(executor: Executor) -> None:
    if isinstance(executor, InlineExecutor):
        return  # a thread that ended its process would end the tests
    [result] = collect(executor, lease("b_crash")).values()
    assert isinstance(result, WorkerCrashedError)
    assert isinstance(collect(executor, lease("b_1"))[1], Tally)


def test_a_cancelled_chunk_holds_no_slot(executor: Executor) -> None:
    executor.cancel(lease("b_1", 99))  # not started: nothing happens
    wait_until(lambda: executor.slots() > 0, 5, "the slots are there")
    assert len(collect(executor, lease("b_1", 1), lease("b_1", 2))) == 2


def test_a_slot_that_ends_while_it_is_warmed_is_warmed_again(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The dispatcher left with a traceback, and its supervisor began again from the start."""
    if not isinstance(executor, RayExecutor):
        pytest.skip("the threads of this process need no warming")
    mark = str(tmp_path / "was here")

    def dies_once() -> int:
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return os.getpid()
        os._exit(7)

    monkeypatch.setattr(executor, "_warm", ray.remote(num_cpus=1, max_retries=0)(dies_once))
    with caplog.at_level("INFO", "rayjobs.adapters.ray_executor"):
        executor.warm()
    said = [record.getMessage() for record in caplog.records if record.name.endswith("ray_executor")]
    lost, warm = said  # a task that is over at once may leave the other slot cold
    assert lost == "slots ended while they were warmed, and are warmed again: WorkerCrashedError"
    assert warm in ("1 slots are warm", "2 slots are warm")

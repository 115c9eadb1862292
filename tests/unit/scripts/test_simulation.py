"""A very large batch, simulated: what is measured is there, and what is extrapolated is in proportion."""

from pathlib import Path

import pytest

from rayjobs_cli.benchmark import simulation
from rayjobs_cli.benchmark.noop_slots import ITEM_MS
from tests.support.redis_server import redis_server


def test_a_part_is_measured_and_the_whole_follows_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SLOTS": 2, "_CHUNKS": 30, "_FILES": 80}.items():
        monkeypatch.setattr(simulation, name, value)
    with redis_server(tmp_path / "redis") as server:
        found = simulation.measure(server.url, str(tmp_path / "store"), 10**8)
    assert found.chunk_items == 1000 / ITEM_MS, "a chunk of a second"
    assert [one["commit_files"] for one in found.recoveries] == [20, 40, 80]
    assert found.extrapolated["commit_files"] == 10**8 / found.chunk_items
    assert found.ms.keys() == {"claim", "commit", "settle"}
    assert 0 < found.redis_keys < 20

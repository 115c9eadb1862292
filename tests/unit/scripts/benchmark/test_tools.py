"""The peers of the benchmark: pools that make, warm and in their own processes, what we make."""

import os
from pathlib import Path

import pytest
from PIL import Image

from rayjobs_cli.benchmark import pool
from rayjobs_cli.benchmark.jobs import JOBS, Job
from rayjobs_cli.benchmark.memory import PeakMemory
from rayjobs_cli.benchmark.quality import psnr
from rayjobs_cli.benchmark.tools import Pool

THUMB = JOBS[0]
HEAVY = JOBS[2]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "in.jpg"
    Image.radial_gradient("L").resize((900, 700)).convert("RGB").save(path, quality=92)
    return path


@pytest.mark.parametrize("job", [THUMB, HEAVY], ids=lambda job: job.name)
def test_both_ways_make_the_same_picture(job: Job, picture: Path, tmp_path: Path) -> None:
    pool.by_engine((job.pipeline.name, picture, tmp_path / "engine.jpg"))
    pool.by_pillow((job.pipeline.name, picture, tmp_path / "pillow.jpg"))

    with Image.open(tmp_path / "engine.jpg") as one, Image.open(tmp_path / "pillow.jpg") as other:
        assert one.size == other.size
        assert psnr(one, other) > 38


def test_a_pool_writes_one_output_a_picture_and_is_weighed_with_its_processes(
    picture: Path, tmp_path: Path
) -> None:
    with Pool("of two", pool.by_pillow, 2, tmp_path) as two, PeakMemory(two.pids) as scale:
        seconds = two.run(THUMB, [picture] * 5)
        outputs = two.outputs(3)

    assert seconds > 0
    assert [path.name for path in outputs] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert len(list((tmp_path / "of-two").iterdir())) == 5
    if scale.peak_mib is not None:  # Linux tells it
        assert 5 < scale.peak_mib < 1000


def test_what_a_pool_is_started_with_does_not_stay(tmp_path: Path) -> None:
    with Pool("one", pool.by_pillow, 1, tmp_path, {"RAYJOBS_BENCH_PROBE": "1"}):
        assert "RAYJOBS_BENCH_PROBE" not in os.environ

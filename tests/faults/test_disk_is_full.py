"""The outputs' disk is full: the batch is paused with the cause, loses no attempt, goes on when resumed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.model.batch import State, Verb
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer
from tests.support.system import System, farm
from tests.support.waiting import wait_until

PNG = [{"name": "resize", "width": 200, "height": 200, "fit": "fill"}]
OUTPUT = {"format": "png"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 1 MB: a tmpfs of its own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        if os.environ.get("CI"):
            pytest.fail("CI runs as root on Linux, so that a small disk can be mounted")
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk)
    yield disk
    _run("umount", "--lazy", disk)


@pytest.fixture
def noise(pictures: Path) -> list[str]:
    """Return pictures whose twelve outputs of 100 kB have no room on the disk."""
    for path in pictures.iterdir():
        Image.effect_noise((200, 200), 60).convert("RGB").save(path, quality=95)
    return [str(path) for path in sorted(pictures.iterdir())]


@pytest.fixture
def whole(farm_settings: Settings, redis_process: RedisServer, disk: Path) -> Iterator[System]:
    settings = farm_settings.model_copy(update={"redis_url": redis_process.url, "store": str(disk / "store")})
    with farm(settings, RedisRegistry.connect(settings)) as running:
        yield running


@pytest.mark.parametrize("more", [{}, {"variants": [{"name": "one"}, {"name": "two"}]}])
def test_the_batch_pauses_and_ends_like_an_undisturbed_one_once_there_is_room(
    whole: System, noise: list[str], disk: Path, more: dict[str, Any]
) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    whole.dispatch()
    source = {"type": "paths", "paths": noise}
    batch_id = whole.submit(source, PNG, output=OUTPUT, **more)
    wait_until(lambda: whole.registry.get(batch_id).state is State.PAUSED, 20, "the batch is paused")
    wait_until(lambda: not whole.registry.leases(), 10, "what was in flight is given back")
    batch = whole.registry.get(batch_id)
    assert batch.error is not None
    assert (batch.error["code"], batch.counts.failed, batch.errors_by_code) == ("output_no_space", 0, {})
    assert 0 < batch.counts.pending < 12
    assert list(disk.rglob(".part-*")) == [], "nothing half-written is left"
    ballast.unlink()
    wait_until(lambda: _logged(whole, batch_id), 10, "the pause is in the log, which had no room either")
    _run("mount", "-o", "remount,size=16m", disk)
    whole.intake.steer(batch_id, Verb.RESUME)
    batch = whole.finished(batch_id)
    assert (batch.state, batch.counts.succeeded, batch.error) == (State.SUCCEEDED, 12, None)
    assert {item["attempts"] for item in whole.items(batch_id)} == {1}, "no attempt was lost"
    again = whole.finished(whole.submit(source, PNG, output=OUTPUT, **more))
    assert again.counts == batch.counts
    assert whole.outputs(again.id) == whole.outputs(batch_id)
    assert whole.ended == [], "the dispatcher went through it all"


def _logged(whole: System, batch_id: str) -> bool:
    return "output_no_space" in {move.cause for move in whole.record.moves(batch_id)}


def _run(command: str, *arguments: object) -> None:
    subprocess.run([shutil.which(command) or command, *map(str, arguments)], check=True)

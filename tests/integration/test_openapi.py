"""The document against the API: `schemathesis run` with every check, over every route but the purge.

RAYJOBS_SCHEMATHESIS=long runs the boundary values of all operations, and many times the examples.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.errors import RayJobsError
from rayjobs.model.batch import TERMINAL, Verb
from rayjobs.model.worker import Worker
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer
from tests.support.served import served
from tests.support.system import System, farm

IS_LONG = os.environ.get("RAYJOBS_SCHEMATHESIS") == "long"
CONFIG = Path(__file__).with_name("schemathesis.toml")
KEY = "a-key"
PATIENCE_S = 1.0
"""Age at which a batch is ended, so that the stream of its events ends, whatever was asked of it."""
BODIES = ("submit", "process_batch", "put", "preview")
"""Operations whose bodies have hundreds of fields: their boundary values alone take minutes."""


@pytest.fixture
def whole(farm_settings: Settings, redis_process: RedisServer, tmp_path: Path) -> Iterator[System]:
    """Return a farm whose batches run, are of one small picture, and end soon."""
    (tmp_path / "samples").mkdir()
    Image.new("RGB", (64, 48), (200, 90, 60)).save(tmp_path / "samples" / "one.jpg")
    (tmp_path / "keys").write_text(KEY, "utf-8")
    own = {
        "redis_url": redis_process.url,
        "samples": tmp_path / "samples",
        "api_keys_file": tmp_path / "keys",
    }
    settings = farm_settings.model_copy(update=own)
    with farm(settings, RedisRegistry.connect(settings)) as running:
        running.registry.beat(Worker("local", "node", None, 2, 0, 0.0, 2**20, 0.0, ()), 600)
        running.dispatch()
        stop = threading.Event()
        ender = threading.Thread(target=end_all, args=(running, stop))
        ender.start()
        yield running
        stop.set()
        ender.join(10)


def end_all(whole: System, stop: threading.Event) -> None:
    while not stop.wait(PATIENCE_S / 4):
        page = whole.registry.page(limit=1000, cursor=None, state=None, label=None)
        for batch in page.batches:
            if batch.state not in TERMINAL and time.time() * 1000 - batch.created_ms > PATIENCE_S * 1000:
                try:
                    whole.intake.steer(batch.id, Verb.CANCEL)
                except RayJobsError as error:
                    print(f"{batch.id} has ended by itself, or was deleted: {error}")


def check(url: str, folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    command += ["run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {KEY}", "--checks", "all"]
    command += ["--seed", "1", "--request-timeout", "60", "--continue-on-failure", "--exclude-path", "/purge"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_fits_the_document_is_taken_and_what_does_not_is_refused(whole: System, tmp_path: Path) -> None:
    with served(whole, whole.settings) as url:
        examples = "100" if IS_LONG else "8"
        check(url, tmp_path, "--phases", "examples,fuzzing,stateful", "--max-examples", examples)


def test_the_boundaries_of_the_document_are_those_of_the_api(whole: System, tmp_path: Path) -> None:
    with served(whole, whole.settings) as url:
        spared = [] if IS_LONG else [word for name in BODIES for word in ("--exclude-operation-id", name)]
        check(url, tmp_path, "--phases", "coverage", *spared)

"""The API as it is served: its own process, a real Redis, real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.settings import Settings
from tests.support.redis_server import RedisServer, free_port, redis_server
from tests.support.system import farm
from tests.support.waiting import wait_until

BODY: dict[str, Any] = {
    "source": {"type": "samples", "count": 3},
    "pipeline": [{"name": "thumbnail", "size": 32}],
}
MIB = 2**20


@dataclass
class Api:
    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def is_alive(self) -> bool:
        try:
            return requests.get(f"{self.url}/livez", timeout=2).ok
        except requests.ConnectionError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def settings(farm_settings: Settings, server: RedisServer) -> Settings:
    return farm_settings.model_copy(update={"redis_url": server.url})


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Iterator[Api]:
    port = free_port()
    environment = os.environ | {
        "REDIS_URL": settings.redis_url,
        "RAYJOBS_NAMESPACE": settings.namespace,
        "RAYJOBS_STORE": settings.store,
        "RAYJOBS_ROOTS": os.pathsep.join(map(str, settings.roots)),
        "RAYJOBS_MAX_BODY_BYTES": str(8 * MIB),
        "RAYJOBS_BODY_SILENCE_S": "1",
    }
    with (tmp_path / "api.log").open("wb") as log:
        command = (sys.executable, "-m", "rayjobs_api", "--port", str(port))
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    running = Api(f"http://127.0.0.1:{port}", process)
    try:
        wait_until(lambda: running.is_alive, 20, "the API answers")
        yield running
    finally:
        process.terminate()
        process.wait(15)


def left(**environment: str) -> tuple[int, str]:
    """Return how a server ended that can't be started, and its last line."""
    command = (sys.executable, "-m", "rayjobs_api", "--port", str(free_port()))
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, timeout=30, check=False)
    return done.returncode, done.stderr.decode().splitlines()[-1]


def test_settings_that_cannot_be_used_are_one_line_at_the_start(tmp_path: Path) -> None:
    status, line = left(RAYJOBS_STORE="ftp://pictures")
    assert (status, "RAYJOBS_STORE" in line) == (3, True)
    (tmp_path / "keys").touch()
    status, line = left(RAYJOBS_API_KEYS_FILE=str(tmp_path / "keys"))
    assert (status, "has no key" in line) == (3, True)


def check_away(api: Api) -> None:
    began_s = time.monotonic()
    response = requests.post(f"{api.url}/batches", json=BODY, timeout=10)
    assert time.monotonic() - began_s < 2
    assert (response.status_code, response.json()["code"]) == (503, "registry_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["content-type"] == "application/problem+json"


def test_a_post_without_redis_is_answered_with_when_to_come_back(
    api: Api, server: RedisServer, settings: Settings
) -> None:
    assert requests.post(f"{api.url}/batches", json=BODY, timeout=10).status_code == 202
    batches = Path(settings.store) / "record"
    stored = sorted(batches.iterdir())
    server.kill()
    check_away(api)  # over a connection that broke
    check_away(api)  # over one that can't be made
    assert sorted(batches.iterdir()) == stored
    ready = requests.get(f"{api.url}/readyz", timeout=10)
    assert (ready.status_code, ready.json()["dependencies"]["store"]) == (503, "ok")
    server.start()
    assert requests.post(f"{api.url}/batches", json=BODY, timeout=10).status_code == 202


def test_a_body_over_the_limit_is_answered_before_it_is_read(api: Api) -> None:
    response = requests.post(f"{api.url}/batches", data=b" " * 10 * MIB, timeout=10)
    assert (response.status_code, response.json()["code"]) == (413, "batch_too_large")
    assert requests.post(f"{api.url}/batches", json=BODY, timeout=10).status_code == 202


def test_a_body_without_a_length_is_cut_off_at_the_limit(api: Api) -> None:
    response = requests.post(f"{api.url}/batches", data=(b" " * MIB for _ in range(20)), timeout=10)
    assert (response.status_code, response.json()["code"]) == (413, "batch_too_large")


@pytest.mark.parametrize("path", ["/batches", "/uploads"])
def test_a_client_that_sends_its_body_too_slowly_is_let_go(api: Api, path: str) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
        told = b""
        while piece := slow.recv(4096):  # until the connection is freed
            told += piece
    assert told.startswith(b"HTTP/1.1 408 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["code"] == "request_timeout"


def test_an_upload_goes_to_the_store_without_being_held_in_memory(api: Api) -> None:
    files = {"file": ("small.jpg", b"x" * MIB)}
    assert requests.post(f"{api.url}/uploads", files=files, timeout=30).status_code == 201
    process = psutil.Process(api.process.pid)
    before = process.memory_info().rss
    highest = before
    stop = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not stop.wait(0.01):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    response = requests.post(f"{api.url}/uploads", files={"file": ("big.jpg", b"x" * 100 * MIB)}, timeout=60)
    stop.set()
    watcher.join()
    assert response.json()[0]["bytes"] == 100 * MIB
    assert highest - before < 20 * MIB


def test_events_come_while_a_batch_runs(api: Api, settings: Settings) -> None:
    batch_id = requests.post(f"{api.url}/batches", json=BODY, timeout=10).json()["id"]
    with (
        farm(settings, RedisRegistry.connect(settings)) as whole,
        requests.get(f"{api.url}/batches/{batch_id}/events", stream=True, timeout=20) as stream,
    ):
        whole.registry.enlist([batch_id], last=True)  # a stream believes a registry that is restored
        lines = stream.iter_lines(decode_unicode=True)
        first = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
        assert first["state"] == "queued"
        whole.dispatch()
        rest = [line for line in lines if line.startswith("event: ")]
    assert rest[-1] == "event: end"
    assert "event: progress" in rest


def test_the_server_ends_although_a_stream_is_open(api: Api) -> None:
    batch_id = requests.post(f"{api.url}/batches", json=BODY, timeout=10).json()["id"]
    with requests.get(f"{api.url}/batches/{batch_id}/events", stream=True, timeout=20) as stream:
        next(stream.iter_lines())
        api.process.terminate()
        # uvicorn ends in good order, then by the signal that it was given.
        assert api.process.wait(5) in {0, -signal.SIGTERM}


def broken_off(api: Api, settings: Settings, lose: Callable[[], object]) -> None:
    """Lose something while the results of a large batch are sent; nobody takes the half for the whole."""
    picture = str(settings.roots[0] / "p00.jpg")
    source = {"type": "paths", "paths": [picture] * 100_000}
    body = BODY | {"source": source, "output": {"name": "{index}-{stem}.{ext}"}}
    batch_id = requests.post(f"{api.url}/batches", json=body, timeout=60).json()["id"]
    with requests.get(f"{api.url}/batches/{batch_id}/results", stream=True, timeout=30) as stream:
        pieces = stream.iter_content(1000)
        assert next(pieces)
        lose()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            deque(pieces, maxlen=0)
    assert api.is_alive


@pytest.mark.parametrize("lost", ["registry", "store"])
def test_results_break_off_where_they_lose_what_they_come_from(
    api: Api, server: RedisServer, settings: Settings, tmp_path: Path, lost: str
) -> None:
    record = Path(settings.store) / "record"
    lose = {"registry": server.kill, "store": lambda: record.rename(record.with_name("away"))}
    broken_off(api, settings, lose[lost])
    lines = [json.loads(line) for line in (tmp_path / "api.log").read_text("utf-8").splitlines()]
    told = [line for line in lines if line["level"] in {"warning", "error"}]
    assert [line["part"] for line in told] == ["api.requests"], told
    assert " breaks off after " in told[0]["text"]
    assert told[0]["request_id"]
    assert not any("trace" in line for line in lines)

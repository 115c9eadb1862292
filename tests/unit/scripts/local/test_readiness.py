import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from rayjobs_cli.targets.local import readiness
from rayjobs_cli.targets.local.plan import free_ports
from tests.support.redis_server import RedisServer


class Service(BaseHTTPRequestHandler):
    """Has a document, a list and a page; is not ready, and says so in a document too."""

    def do_GET(self) -> None:
        bodies = {"/document": '{"a": 1}', "/list": "[]", "/page": "<html>", "/readyz": '{"ready": false}'}
        body = (
            json.dumps({"key": self.headers["Authorization"]}) if self.path == "/key" else bodies[self.path]
        )
        self.send_response(503 if self.path == "/readyz" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_service_answers_when_it_says_200(port: int) -> None:
    assert readiness.listens(port)
    assert readiness.answers(f"http://127.0.0.1:{port}/page")
    assert not readiness.answers(f"http://127.0.0.1:{port}/readyz")


def test_a_document_is_read_whatever_its_status(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    assert readiness.document(f"{url}/document") == {"a": 1}
    assert readiness.document(f"{url}/readyz") == {"ready": False}
    assert readiness.document(f"{url}/key", "k") == {"key": "Bearer k"}
    assert readiness.document(f"{url}/list") == readiness.document(f"{url}/page") == {}


def test_a_proxy_is_not_asked_for_this_machine(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert readiness.answers(f"http://127.0.0.1:{port}/page")


def test_where_nothing_listens_nothing_is_raised() -> None:
    (free,) = free_ports(1)
    assert not readiness.listens(free)
    assert not readiness.answers(f"http://127.0.0.1:{free}/")
    assert readiness.document(f"http://127.0.0.1:{free}/") == {}
    assert not readiness.redis_answers(f"redis://127.0.0.1:{free}/0")
    assert not readiness.redis_answers("nonsense")


def test_redis_is_ready_when_it_lets_us_in(redis_process: RedisServer) -> None:
    assert readiness.redis_answers(redis_process.url)
    assert not readiness.redis_answers(redis_process.url.replace("redis://", "redis://who:wrong@"))

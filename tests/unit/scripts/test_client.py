import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from rayjobs_cli.exit_status import CommandError, ExitStatus
from rayjobs_cli.load_test import load
from rayjobs_cli.targets.client import Client, first_key


class Api(BaseHTTPRequestHandler):
    """Answers what the test has laid out, by path."""

    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        status, body = self.answers.get(self.path, (404, b"nothing"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def answering(**answers: tuple[int, Any]) -> Iterator[Client]:
    Api.asked.clear()
    Api.answers = {
        path: (status, body if isinstance(body, bytes) else json.dumps(body).encode())
        for path, (status, body) in answers.items()
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Client(f"http://127.0.0.1:{server.server_port}/", "key")
        finally:
            server.shutdown()
            thread.join()


def test_lists_are_followed_to_their_last_page() -> None:
    pages: dict[str, tuple[int, Any]] = {
        "/batches/b_1/items?limit=100": (200, {"items": [{"index": 0}], "next": "c1"}),
        "/batches/b_1/items?limit=100&cursor=c1": (200, {"items": [{"index": 1}], "next": None}),
    }
    with answering(**pages) as client:
        assert client.items("b_1") == [{"index": 0}, {"index": 1}]


def test_the_key_goes_with_every_call() -> None:
    with answering(**{"/workers": (200, {"workers": []})}) as client:
        assert client.workers() == []
    assert Api.asked == [("/workers", "Bearer key")]


def test_a_problem_keeps_its_code_and_detail() -> None:
    problem = {"code": "unauthorized", "detail": "The key is not known.", "status": 401}
    with answering(**{"/purge": (401, problem)}) as client, pytest.raises(CommandError) as raised:
        client.purge()
    assert (raised.value.code, raised.value.detail) == ("unauthorized", "The key is not known.")
    assert "--api-key" in raised.value.remedy
    assert raised.value.status is ExitStatus.FAILED


def test_an_error_that_is_no_problem_document_is_told_by_its_status() -> None:
    with answering() as client, pytest.raises(CommandError, match="404"):
        client.queue()


def test_another_web_site_is_not_taken_for_the_api() -> None:
    with answering(**{"/queue": (200, b"<html>")}) as client, pytest.raises(CommandError) as raised:
        client.queue()
    assert raised.value.code == "not_rayjobs"


def test_an_address_where_nothing_answers_has_a_remedy() -> None:
    with pytest.raises(CommandError) as raised:
        Client("http://127.0.0.1:9").queue()
    assert raised.value.code == "unreachable"
    assert "deploy.py" in raised.value.remedy
    assert raised.value.status is ExitStatus.ENVIRONMENT


def test_the_first_key_of_the_keys_file_is_used(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("one\ntwo\n", encoding="utf-8")
    assert first_key({"RAYJOBS_API_KEYS_FILE": str(keys)}) == "one"
    assert first_key({}) is None
    with pytest.raises(CommandError, match="RAYJOBS_API_KEYS_FILE"):
        first_key({"RAYJOBS_API_KEYS_FILE": str(tmp_path / "missing")})


def test_an_output_must_be_there_and_be_what_was_recorded() -> None:
    good = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of b"hello"
    items = [
        ("b", {"index": 0, "state": "succeeded", "output": {"sha256": good}}),
        ("b", {"index": 1, "state": "succeeded", "output": {"sha256": good}}),
        ("b", {"index": 2, "state": "failed"}),
        ("b", {"index": 3, "state": "succeeded", "output": {"sha256": good}}),
    ]
    outputs = {"/batches/b/items/0/output": (200, b"hello"), "/batches/b/items/1/output": (200, b"other")}
    kept: list[tuple[int, bytes]] = []
    with answering(**outputs) as client:
        faults = load.unusable_outputs(
            client, items, lambda item, _, data: kept.append((item["index"], data))
        )
    assert kept == [(0, b"hello")]
    assert sorted(faults) == [("b", 1), ("b", 2), ("b", 3)]
    assert faults["b", 2] == "is failed, without an output"


def test_each_variant_must_be_there_and_be_what_was_recorded() -> None:
    good = hashlib.sha256(b"hello").hexdigest()
    told = {"full": {"sha256": good}, "thumb": {"sha256": good, "width": 9}}
    items = [("b", {"index": index, "state": "succeeded", "outputs": told}) for index in range(2)]
    outputs = {
        f"/batches/b/items/{index}/output?variant={name}": (200, b"hello")
        for index, name in ((0, "full"), (0, "thumb"), (1, "thumb"))
    }
    kept: list[tuple[int, int | None]] = []
    with answering(**outputs) as client:
        faults = load.unusable_outputs(
            client, items, lambda item, its, _: kept.append((item["index"], its.get("width")))
        )
    assert sorted(kept, key=str) == [(0, 9), (0, None), (1, 9)]
    assert list(faults) == [("b", 1)]
    assert faults["b", 1].startswith("variant 'full': http_404")


def test_all_batches_are_sent_at_the_same_time() -> None:
    with answering(**{"/batches": (202, {"id": "b_1"})}) as client:
        assert load.send(client, 10, load.heavy(2)) == [{"id": "b_1"}] * 10
    assert len(Api.asked) == 10


def test_a_preset_takes_the_place_of_the_heavy_filters() -> None:
    assert load.named("web", 3) == {"source": {"type": "samples", "count": 3}, "preset": "web"}


def test_the_heavy_load_is_the_seeds() -> None:
    assert load.heavy(2) == {
        "filters": ["resize", "blur", "sharpen", "edges"],
        "filter_params": {
            "resize": {"width": 2048, "height": 2048},
            "blur": {"radius": 5.0},
            "sharpen": {"factor": 2.0},
        },
        "count": 2,
    }

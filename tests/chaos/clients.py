"""The clients of a storm: some act, some follow batches, one looks at everything and checks it."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from rayjobs.model.batch import TERMINAL, State
from rayjobs_cli.polling import pause
from tests.chaos.ledger import Known, Ledger
from tests.chaos.plan import Step

TIMEOUT_S = 30.0
"""Of one request; what is frozen is thawed sooner."""
STREAMS = 8
"""Streams that are held open at once."""
PIPELINE = [{"name": "resize", "width": 40, "height": 30}, {"name": "grayscale"}]
AWAY = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


@dataclass
class Client:
    """One client that acts by its plan."""

    name: str
    url: str
    folder: Path
    ledger: Ledger
    over: threading.Event
    _number: int = 0

    def run(self, plan: list[Step]) -> None:
        began = time.monotonic()
        for step in plan:
            if self.over.wait(max(0.0, began + step.at_s - time.monotonic())):
                return
            with suppress(*AWAY):  # the client does not know what came of it, and goes on
                getattr(self, f"_{step.does}")(step)

    def _ask(self, method: str, path: str, does: str, **more: Any) -> requests.Response:
        answer = requests.request(method, self.url + path, timeout=TIMEOUT_S, **more)
        self.ledger.count(f"{does} {answer.status_code}")
        check_answer(self.ledger, answer)
        return answer

    def _body(self, step: Step) -> dict[str, Any]:
        self._number += 1
        more: dict[str, Any] = {"max_attempts": 10, "labels": {"storm": f"{self.name}-{self._number}"}}
        if step.how > 0.9:
            more["deadline_s"] = 2
        elif step.how > 0.8:
            more["max_failed_ratio"] = 0.01
        folder = self.folder / ("many" if step.which > 0.8 else "few")
        source: dict[str, Any] = {"type": "folder", "path": str(folder)}
        if step.how < 0.3:
            source = {"type": "paths", "paths": [str(path) for path in names(folder)]}
        return {"source": source, "pipeline": PIPELINE, **more}

    def _submit(self, step: Step) -> None:
        answer = self._ask("POST", "/batches", "submit", json=self._body(step))
        if answer.status_code == HTTPStatus.ACCEPTED:
            self.ledger.acknowledge(answer.json())

    def _submit_with_key(self, step: Step) -> None:
        """Send the same again until it is answered, and then once more."""
        body = self._body(step)
        key: str = body["labels"]["storm"]
        seen: list[str] = []
        while len(seen) < 2 and not self.over.is_set():
            try:
                answer = self._ask("POST", "/batches", "key", json=body, headers={"Idempotency-Key": key})
            except AWAY:
                self.over.wait(0.5)
                continue
            if answer.ok:
                seen.append(self.ledger.acknowledge(answer.json()).id)
            elif answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return
            else:
                self.over.wait(0.5)
        if len(set(seen)) > 1:
            self.ledger.breach(f"the key {key} has made {seen}")

    def _verb(self, step: Step, verb: str) -> None:
        known = self.ledger.pick(step.which)
        if known is not None:
            answer = self._ask("POST", f"/batches/{known.id}/{verb}", verb)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                self.ledger.missed(known.id)

    def _pause(self, step: Step) -> None:
        self._verb(step, "pause")

    def _resume(self, step: Step) -> None:
        self._verb(step, "resume")

    def _cancel(self, step: Step) -> None:
        self._verb(step, "cancel")

    def _retry(self, step: Step) -> None:
        known = self.ledger.pick(step.which)
        if known is not None:
            with self.ledger.lock:
                known.is_retried = True
            self._ask("POST", f"/batches/{known.id}/retry", "retry")

    def _delete(self, step: Step) -> None:
        known = self.ledger.pick(step.which)
        if known is None:
            return
        with self.ledger.lock:
            if known.state not in TERMINAL:
                return
            known.is_doomed = True
        answer = self._ask("DELETE", f"/batches/{known.id}", "delete")
        if answer.ok:
            known.gone_at = time.monotonic()

    def _read(self, step: Step, what: str) -> requests.Response | None:
        known = self.ledger.pick(step.which)
        return None if known is None else self._ask("GET", f"/batches/{known.id}/{what}", what)

    def _items(self, step: Step) -> None:
        self._read(step, "items")

    def _log(self, step: Step) -> None:
        self._read(step, "log")

    def _results(self, step: Step) -> None:
        answer = self._read(step, "results")
        if answer is not None and answer.ok:
            indices = [json.loads(line)["index"] for line in answer.iter_lines()]
            if indices != list(range(len(indices))):
                self.ledger.breach(f"{answer.url}: results of {indices}")

    def _upload(self, step: Step) -> None:
        path = names(self.folder / "few")[0]
        self._ask("POST", "/uploads", "upload", files={"file": (path.name, b"x" * int(step.how * 10**6))})

    def _upload_cut_off(self, step: Step) -> None:
        """Send the first part of a picture, and go away."""
        at = urlsplit(self.url)
        head = (
            f"POST /uploads HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: 1000000\r\n"
            "Content-Type: multipart/form-data; boundary=cut\r\n\r\n"
            '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        )
        with suppress(OSError), socket.create_connection((at.hostname or "", at.port or 80), 5) as link:
            link.sendall(head.encode() + b"x" * int(200_000 * step.how))
            self.over.wait(step.which)

    def _preview(self, step: Step) -> None:
        path = names(self.folder / "few")[int(step.how * 8)]
        body = {"source": {"type": "paths", "paths": [str(path)]}, "pipeline": PIPELINE}
        self._ask("POST", "/preview", "preview", json=body)

    def _purge(self, step: Step) -> None:
        self._ask("POST", "/purge", "purge", json={"running": "cancel" if step.how > 0.5 else "refuse"})


def names(folder: Path) -> list[Path]:
    """Return the pictures of a folder, also while it is away."""
    return [folder / f"{index:06d}.jpg" for index in range(8)]


def check_answer(ledger: Ledger, answer: requests.Response) -> None:
    """Note an answer that no client should get."""
    what = f"{answer.request.method} {answer.url}: {answer.status_code}"
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        if "Retry-After" not in answer.headers:
            ledger.breach(f"{what} without Retry-After")
    elif answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        ledger.breach(f"{what} {answer.text[:200]}")


@dataclass
class Follower:
    """Holds streams of events open, and comes back with its last id where one breaks off."""

    url: str
    ledger: Ledger
    over: threading.Event
    _threads: list[threading.Thread] = field(default_factory=list)

    def run(self) -> None:
        """Follow each new batch, as long as there are not too many."""
        while not self.over.wait(0.1):
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            fresh = [one for one in self.ledger.everything() if one.stream_ended is None]
            for known in fresh[-1:] if len(self._threads) < STREAMS else []:
                known.stream_ended = False
                thread = threading.Thread(target=self.follow, args=(known,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def follow(self, known: Known) -> None:
        """Follow a batch to its end."""
        last: str | None = None
        while not known.stream_ended:
            with suppress(*AWAY, AttributeError):  # urllib3, where the other side closes between two reads
                headers = {"Last-Event-ID": last} if last else {}
                url = f"{self.url}/batches/{known.id}/events"
                with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
                    check_answer(self.ledger, answer)
                    if answer.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
                        if answer.status_code == HTTPStatus.NOT_FOUND:
                            self.ledger.missed(known.id)
                        known.stream_ended = True
                        return
                    last = self._read(known, answer, last)
            pause(0.2)  # as an EventSource does

    @staticmethod
    def _read(known: Known, answer: requests.Response, last: str | None) -> str | None:
        for line in map(bytes.decode, answer.iter_lines(chunk_size=1)):
            name, _, value = line.partition(": ")
            if name == "id":
                last = value
            elif line == "event: end":
                known.stream_ended = True
                return last
        return last


@dataclass
class Observer:
    """Looks at all batches in turns, one look after the other, and lists them now and then."""

    url: str
    ledger: Ledger
    over: threading.Event

    def run(self) -> None:
        while not self.over.wait(0.02):
            with suppress(*AWAY):
                self.listing()
            for known in self.ledger.everything()[-40:]:
                with suppress(*AWAY):
                    self.look(known)

    def look(self, known: Known) -> None:
        """Look at one batch."""
        asked_at = time.monotonic()
        answer = requests.get(f"{self.url}/batches/{known.id}", timeout=TIMEOUT_S)
        check_answer(self.ledger, answer)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            self.ledger.missed(known.id)
        elif answer.ok:
            self.ledger.see(answer.json(), asked_at)

    def listing(self) -> dict[str, dict[str, Any]] | None:
        """List all batches, and miss none that was acknowledged before; None where that is refused."""
        wanted, asked_at = self.ledger.everything(), time.monotonic()
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        while True:
            answer = requests.get(f"{self.url}/batches?limit=100{cursor}", timeout=TIMEOUT_S)
            check_answer(self.ledger, answer)
            if not answer.ok:
                return None
            page = answer.json()
            found |= {batch["id"]: batch for batch in page["batches"]}
            if not page["next"]:
                break
            cursor = f"&cursor={page['next']}"
        for known in wanted:
            if known.id not in found and not known.is_doomed:
                self.ledger.breach(f"{known.id}: is not listed, {asked_at - known.at:.1f} s after its 202")
        for batch in found.values():
            self.ledger.see(batch, asked_at)
        return found

    def calm(self) -> bool:
        """Let whatever waits go on; return whether all has ended."""
        listed = self.listing()
        if listed is None:
            return False
        for batch in listed.values():
            if batch["state"] == State.PAUSED:
                requests.post(f"{self.url}/batches/{batch['id']}/resume", timeout=TIMEOUT_S)
        return all(batch["state"] in TERMINAL for batch in listed.values())


def in_threads(works: list[Callable[[], object]]) -> list[threading.Thread]:
    """Start each in a thread of its own."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads

"""Calls the API of a system over HTTP; every failure is one error with its code and remedy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from rayjobs_cli.exit_status import CommandError, ExitStatus

Document = dict[str, Any]

_TIMEOUT_S = 30.0
"""A purge waits for items that run; every other call is much faster."""

_PAGE = 100


class Client:
    """A client of the API at one address. Threads may share it: each call has its own connection."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # A proxy of the environment is not for addresses of this machine.
        self._direct = urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}

    def submit(self, body: Document) -> Document:
        """Send a batch; return it as the API accepted it."""
        return self._json("POST", "/batches", body)

    def batch(self, batch_id: str) -> Document:
        """Return a batch in its present state."""
        return self._json("GET", f"/batches/{batch_id}")

    def ended(self, batch_id: str) -> Document:
        """Wait until a batch has ended, and return it; listens to its events, and does not poll."""
        with self._session() as session:
            events = self._send(session, "GET", f"/batches/{batch_id}/events", stream=True)
            with events:
                for line in events.iter_lines():
                    if line == b"event: end":
                        break
        return self.batch(batch_id)

    def batches(self) -> list[Document]:
        """Return every batch of the present run, newest first."""
        return self._pages("/batches", "batches")

    def items(self, batch_id: str) -> list[Document]:
        """Return every item of a batch, in order."""
        return self._pages(f"/batches/{batch_id}/items", "items")

    def some_items(self, batch_id: str) -> list[Document]:
        """Return the first items of a batch."""
        found: list[Document] = self._json("GET", f"/batches/{batch_id}/items?limit={_PAGE}")["items"]
        return found

    def output(self, batch_id: str, index: int, variant: str = "") -> bytes:
        """Return the bytes of the output of an item, or of one of its variants."""
        query = f"?variant={variant}" if variant else ""
        return self._ask("GET", f"/batches/{batch_id}/items/{index}/output{query}").content

    def workers(self) -> list[Document]:
        """Return the registered workers."""
        found: list[Document] = self._json("GET", "/workers")["workers"]
        return found

    def readiness(self) -> dict[str, str]:
        """Return the state of each dependency of the API: `ok`, or its fault."""
        try:
            return dict(self._json("GET", "/readyz")["dependencies"])
        except CommandError as error:
            return {"api": str(error)}

    def queue(self) -> Document:
        """Return the queue's figures."""
        return self._json("GET", "/queue")

    def purge(self) -> Document:
        """Cancel every batch and begin a new run."""
        return self._json("POST", "/purge", {"running": "cancel"})

    def _pages(self, path: str, key: str) -> list[Document]:
        found: list[Document] = []
        cursor = ""
        while True:
            page = self._json("GET", f"{path}?limit={_PAGE}{cursor}")
            found += page[key]
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"

    def _json(self, method: str, path: str, body: Document | None = None) -> Document:
        response = self._ask(method, path, body)
        try:
            found: Document = response.json()
        except requests.JSONDecodeError as error:
            raise CommandError("not_rayjobs", f"{self.url} answers, but is no rayjobs API.") from error
        return found

    def _ask(self, method: str, path: str, body: Document | None = None) -> requests.Response:
        with self._session() as session:
            return self._send(session, method, path, body)

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self._direct
        return session

    def _send(
        self,
        session: requests.Session,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        stream: bool = False,
    ) -> requests.Response:
        try:
            response = session.request(
                method, self.url + path, json=body, headers=self._headers, timeout=_TIMEOUT_S, stream=stream
            )
        except requests.RequestException as error:
            remedy = "Start it with: python scripts/deploy.py"
            raise CommandError("unreachable", f"{self.url} does not answer.", remedy) from error
        if not response.ok:
            raise _refusal(response)
        return response


def _refusal(response: requests.Response) -> CommandError:
    try:
        problem = response.json()
    except requests.JSONDecodeError:
        problem = {}
    code = problem.get("code", f"http_{response.status_code}")
    detail = problem.get("detail") or f"{response.request.method} {response.url}: {response.status_code}."
    remedies = {
        requests.codes.unauthorized: "Give a key with --api-key.",
        requests.codes.service_unavailable: "Try again in a moment.",
    }
    return CommandError(code, detail, remedies.get(response.status_code, ""), ExitStatus.FAILED)


def outputs_of(item: Mapping[str, Any]) -> dict[str, Document]:
    """Return the record of each output of an item, by its variant; a single output has the variant ""."""
    if output := item.get("output"):
        return {"": output}
    return dict(item.get("outputs") or {})


def first_key(environment: Mapping[str, str]) -> str | None:
    """Return a key that the API of this machine accepts, None when it requires none."""
    path = environment.get("RAYJOBS_API_KEYS_FILE")
    if not path:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").split()
    except OSError as error:
        raise CommandError("keys_unreadable", f"RAYJOBS_API_KEYS_FILE {path}: {error.strerror}.") from error
    return lines[0] if lines else None

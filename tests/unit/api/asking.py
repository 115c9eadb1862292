"""Asking the application, and checking that every refusal has the one form."""

from typing import Any
from urllib.parse import unquote

from fastapi.testclient import TestClient
from httpx2 import Response

from rayjobs_api.responses import ProblemAnswer

BODY: dict[str, Any] = {
    "source": {"type": "samples", "count": 3},
    "pipeline": [{"name": "thumbnail", "size": 32}],
}


def submitted(client: TestClient, **changes: object) -> str:
    """Submit a batch; return its id."""
    response = client.post("/batches", json=BODY | changes)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def problem_of(response: Response, status: int, code: str) -> ProblemAnswer:
    """Return the problem that a response must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = ProblemAnswer.model_validate(response.json())
    assert (problem.status, problem.code, problem.type) == (status, code, f"/docs#{code}")
    assert problem.request_id == response.headers["x-request-id"]
    assert unquote(problem.instance) == response.request.url.path
    return problem


def refused(client: TestClient, body: object, code: str, status: int = 422) -> ProblemAnswer:
    """Return the problem that submitting a body must be answered with; nothing may be stored."""
    problem = problem_of(client.post("/batches", json=body), status, code)
    assert client.get("/batches").json()["batches"] == []
    return problem

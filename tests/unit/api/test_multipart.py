"""Multipart bodies that clients get wrong: each is refused with what is wrong, at both of their routes."""

import pytest
from fastapi.testclient import TestClient

from tests.unit.api.asking import problem_of

FORM = "multipart/form-data; boundary="
PATHS = ("/uploads", "/preview")


def body_of(head: bytes = b'Content-Disposition: form-data; name="file"; filename="a.jpg"') -> bytes:
    return b"--cut\r\n" + head + b"\r\n\r\nx\r\n--cut--\r\n"


BODIES: dict[str, tuple[str, bytes]] = {
    "a boundary of 257 characters": (FORM + "a" * 257, body_of()),
    "a boundary of 60,000 characters": (FORM + "a" * 60_000, body_of()),
    "the longest boundary, and another in the body": (FORM + "a" * 256, body_of()),
    "an empty boundary": (FORM, body_of()),
    "an empty boundary in quotes": (FORM + '""', body_of()),
    "no boundary": ("multipart/form-data", body_of()),
    "a boundary of another encoding": ("multipart/form-data; boundary*=utf-8''cut", body_of()),
    "half of a pair of quotes": (FORM + '"cut', body_of()),
    "another kind of multipart": ("multipart/mixed; boundary=cut", body_of()),
    "a part without headers": (FORM + "cut", b"--cut\r\n\r\nx\r\n--cut--\r\n"),
    "a part without a name": (FORM + "cut", body_of(b"Content-Disposition: form-data")),
    "a part that says nothing of itself": (FORM + "cut", body_of(b"X: y")),
    "a header of 100,000 bytes": (FORM + "cut", body_of(b"X: " + b"y" * 100_000)),
    "a thousand headers": (FORM + "cut", body_of(b"\r\n".join(b"X%d: y" % i for i in range(1000)))),
    "a header without a name": (FORM + "cut", body_of(b": y")),
    "a NUL in a header's name": (FORM + "cut", body_of(b"X\0: y")),
    "lines without CR": (FORM + "cut", body_of().replace(b"\r\n", b"\n")),
    "no body": (FORM + "cut", b""),
    "no part": (FORM + "cut", b"--cut--\r\n"),
    "no end": (FORM + "cut", body_of()[:-4]),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(client: TestClient, path: str, kind: str, body: bytes) -> None:
    response = client.post(path, content=body, headers={"content-type": kind})
    problem_of(response, 422, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
def test_a_boundary_that_is_too_long_is_told_with_its_limit(client: TestClient, path: str) -> None:
    response = client.post(path, content=body_of(), headers={"content-type": FORM + "a" * 257})
    assert "257 exceeds maximum of 256" in problem_of(response, 422, "invalid_request").detail


@pytest.mark.parametrize("path", PATHS)
def test_the_kind_of_a_body_is_told_without_regard_to_case(client: TestClient, path: str) -> None:
    response = client.post(
        path, content=body_of(), headers={"content-type": "Multipart/Form-DATA; boundary=cut"}
    )
    if path == "/uploads":
        assert response.status_code == 201
    else:  # read as a form, of which the other field is missing
        assert "a field `request`" in problem_of(response, 422, "invalid_request").detail


@pytest.mark.parametrize(
    "name", [b"..", b".", b"/", b"a" * 3000 + b".jpg", b"a\xff\xfe.jpg", b".part-x", b"a\tb", b"C:\\x\\a.jpg"]
)
def test_a_picture_is_stored_whatever_it_is_called(client: TestClient, name: bytes) -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"'
    response = client.post("/uploads", content=body_of(head), headers={"content-type": FORM + "cut"})
    assert response.status_code == 201, response.text
    source = {"type": "upload", "ids": [response.json()[0]["id"]]}
    assert client.post("/batches", json={"source": source, "pipeline": []}).status_code == 202

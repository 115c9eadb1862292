"""Reads the files of a multipart body while they arrive; no file is whole in memory or on disk."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

import python_multipart
from anyio import from_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from rayjobs.errors import InvalidRequestError


@dataclass(frozen=True)
class Part:
    """One part of a body; its chunks can be read once, before the next part."""

    field: str
    name: str
    """Name of the file; empty for a field without a file."""
    chunks: Iterator[bytes]


class _Mark(Enum):
    PART_ENDS = auto()
    BODY_ENDS = auto()


@dataclass(frozen=True)
class _Head:
    disposition: bytes


class _Tokens:
    """Turns the callbacks of the parser into tokens; reads one chunk when it has no token."""

    def __init__(self, boundary: bytes, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._waiting: deque[bytes | _Head | _Mark] = deque()
        self._field = self._value = self._disposition = b""
        add = self._waiting.append
        with _parser_errors():
            self._parser = python_multipart.MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_field,
                    "on_header_value": self._add_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": lambda: add(_Head(self._disposition)),
                    "on_part_data": lambda data, start, end: add(data[start:end]),
                    "on_part_end": lambda: add(_Mark.PART_ENDS),
                    "on_end": lambda: add(_Mark.BODY_ENDS),
                },
            )

    def _begin(self) -> None:
        self._field = self._value = self._disposition = b""

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def next(self) -> bytes | _Head | _Mark:
        while not self._waiting:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise InvalidRequestError("The multipart body ends before its last boundary.")
            with _parser_errors():
                self._parser.write(chunk)
        return self._waiting.popleft()


@contextmanager
def _parser_errors() -> Iterator[None]:
    """Turn errors of the parser into `InvalidRequestError`: a bad boundary, header or byte."""
    try:
        yield
    except FormParserError as error:
        raise InvalidRequestError(f"The multipart body can't be read: {error}.") from error


def files(content_type: str, chunks: Iterable[bytes]) -> Iterator[Part]:
    """Yield the files of a multipart body in order, without the other fields; raises as `parts` does."""
    return (part for part in parts(content_type, chunks) if part.name)


def parts(content_type: str, chunks: Iterable[bytes]) -> Iterator[Part]:
    """Yield the parts of a multipart body in order.

    Raises:
        InvalidRequestError: The body is not multipart, is damaged, or ends early.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequestError("Send the files as multipart/form-data, for instance with `curl -F`.")
    tokens = _Tokens(options[b"boundary"], chunks)
    while (token := tokens.next()) is not _Mark.BODY_ENDS:
        if isinstance(token, _Head):
            data = _data(tokens)
            yield Part(_named(token, b"name"), _named(token, b"filename"), data)
            deque(data, maxlen=0)  # skips the unread rest, so that the parser finds the next part


def _data(tokens: _Tokens) -> Iterator[bytes]:
    while isinstance(token := tokens.next(), bytes):
        yield token


def _named(head: _Head, option: bytes) -> str:
    _, options = parse_options_header(head.disposition)
    return options.get(option, b"").decode("utf-8", "replace")


def pulled(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Yield a request's chunks in a worker thread, one on demand: a slow disk slows the client."""
    while (chunk := from_thread.run(anext, stream, None)) is not None:
        yield chunk

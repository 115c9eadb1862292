"""The values of rendering: the branches that it takes, and the files of one picture that it returns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import JsonValue

from rayjobs.codec import FORMATS, Encoding
from rayjobs.errors import ItemError, WorkerOutOfMemoryError
from rayjobs.request.pipeline import Pipeline


@dataclass(frozen=True)
class ImageInfo:
    """The facts of a picture's file, source or output."""

    width: int
    """In px. For a source: from its header, before the EXIF orientation is applied."""
    height: int
    """In px. For a source: from its header, before the EXIF orientation is applied."""
    format: str
    bytes: int
    sha256: str
    quality: int | None = None
    """For an output: the quality that it was written with, if the format has one."""
    frames: int | None = None
    """For an animation: the number of its frames."""
    salvaged: bool | None = None
    """For a source: the file was truncated, and the part that exists was used."""

    def as_json(self) -> dict[str, Any]:
        """Return the facts, without those that do not apply."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Branch:
    """One of a picture's files: the filters behind the shared ones, and the encoding."""

    pipeline: Pipeline
    encoding: Encoding
    name: str = ""
    """The variant's name; empty where the picture has one file."""
    at: Callable[[str], None] = field(default=lambda _: None, compare=False)
    """Called with the name when work on the branch begins, and with an empty name when it ends."""

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Report to `at`, and name in any error, that this branch is being made."""
        self.at(self.name)
        with of_variant(self.name):
            yield
        self.at("")


@dataclass(frozen=True)
class Rendered:
    """An encoded picture, with the facts of its source and of itself."""

    data: bytes
    source: ImageInfo
    output: ImageInfo
    analysis: dict[str, JsonValue] = field(default_factory=dict)
    """Findings of the analyses among the shared filters, by their keys."""
    own_analysis: dict[str, JsonValue] = field(default_factory=dict)
    """Findings of the analyses of the branch, by their keys."""

    @property
    def extension(self) -> str:
        """Extension of the file's format, without the dot."""
        return FORMATS[self.output.format].extension


@contextmanager
def of_variant(name: str) -> Iterator[None]:
    """Add the variant's name to an item's error; an empty name, of a single file, adds nothing."""
    try:
        yield
    except (ItemError, MemoryError) as error:
        if not name:
            raise
        fault = (
            error if isinstance(error, ItemError) else WorkerOutOfMemoryError("there was not enough memory")
        )
        detail = f"variant {name!r}: {fault.detail}"
        raise type(fault)(detail, limit=fault.limit, actual=fault.actual) from error

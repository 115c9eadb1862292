"""What the engine is asked for, and what it gives: the files of one picture."""

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
    """What is known of a picture's file."""

    width: int
    """In px. Of a source: as its header says, before the EXIF orientation is applied."""
    height: int
    """In px. Of a source: as its header says, before the EXIF orientation is applied."""
    format: str
    bytes: int
    sha256: str
    quality: int | None = None
    """Of an output: what it was written with, where the format has a quality."""
    frames: int | None = None
    """Of an animation."""
    salvaged: bool | None = None
    """Of a source: it was cut, and what there was of it was taken."""

    def as_json(self) -> dict[str, Any]:
        """Return what is known, without what does not apply."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Branch:
    """What becomes of a picture behind the filters that all its files share."""

    pipeline: Pipeline
    encoding: Encoding
    name: str = ""
    """Tells it from the others of the picture."""
    at: Callable[[str], None] = field(default=lambda _: None, compare=False)
    """Is told the name while the engine is at this branch, and nothing's when it leaves it."""

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Let whoever watches, and an error, know that this branch is being made."""
        self.at(self.name)
        with of_variant(self.name):
            yield
        self.at("")


@dataclass(frozen=True)
class Rendered:
    """An encoded picture, with what it was and what it became."""

    data: bytes
    source: ImageInfo
    output: ImageInfo
    analysis: dict[str, JsonValue] = field(default_factory=dict)
    """What the analyses of the shared filters found, by their keys."""
    own_analysis: dict[str, JsonValue] = field(default_factory=dict)
    """What those of the branch found."""

    @property
    def extension(self) -> str:
        """Extension of the file, without the dot: of the format that it has."""
        return FORMATS[self.output.format].extension


@contextmanager
def of_variant(name: str) -> Iterator[None]:
    """Say in an item's error which of its files could not be made; nothing if there is but one."""
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

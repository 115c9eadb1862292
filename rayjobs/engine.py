"""One picture, from bytes to bytes: decode, pipeline, encode. Knows no services; runs in any process."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import pyvips
from pydantic import JsonValue

from rayjobs.codec import (
    FORMATS,
    Beside,
    Encoding,
    Header,
    Limits,
    Reading,
    decode,
    decode_frames,
    encode,
    engine_versions,
    facts,
    is_animated,
    joined,
    read_header,
    unreadable,
)
from rayjobs.errors import (
    EncodeFailedError,
    FilterFailedError,
    ItemError,
    TruncatedError,
    WorkerOutOfMemoryError,
)
from rayjobs.filters.base import Scene
from rayjobs.filters.pixels import HELD_PIXELS, held
from rayjobs.pipeline import Pipeline

__all__ = ["ImageInfo", "Rendered", "engine_versions", "render", "second_picture"]


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
class Rendered:
    """An encoded picture, with what it was and what it became."""

    data: bytes
    source: ImageInfo
    output: ImageInfo
    analysis: dict[str, JsonValue] = field(default_factory=dict)
    """What the pipeline's analyses found, by their keys."""

    @property
    def extension(self) -> str:
        """Extension of the file, without the dot: of the format that it has."""
        return FORMATS[self.output.format].extension


def render(
    data: bytes,
    pipeline: Pipeline,
    encoding: Encoding,
    limits: Limits,
    picture: Callable[[str], pyvips.Image] | None = None,
    reading: Reading | None = None,
) -> Rendered:
    """Carry a pipeline out on one picture.

    Args:
        data: A file of one of the formats that can be read.
        pipeline: The filters.
        encoding: What to write.
        limits: Checked from the header, before anything is decoded.
        picture: Returns the second picture of a filter by its reference, from `second_picture`.
        reading: How to read it; the defaults if None.

    Raises:
        ItemError: Of the class that says what failed; no other kind of error is for the picture's sake.
    """
    reading = reading or Reading()

    def attempt(*, lenient: bool) -> Rendered:
        header = read_header(data, limits, reading, lenient=lenient)
        scene = Scene(partial(facts, data, header))
        scene = replace(scene, picture=picture) if picture else scene
        return _rendered(data, header, pipeline, encoding, scene)

    try:
        try:
            return attempt(lenient=False)
        except TruncatedError:
            if reading.on_truncated == "fail":
                raise
            return attempt(lenient=True)
    except MemoryError as error:
        raise WorkerOutOfMemoryError("the process had no memory left for this picture") from error


def _rendered(data: bytes, header: Header, pipeline: Pipeline, encoding: Encoding, scene: Scene) -> Rendered:
    moves = is_animated(header) and encoding.frames == "all"
    image = (_moving if moves else _still)(data, header, pipeline, scene)
    turns = pipeline.auto_orients or header.orientation == 1
    profile = header.profile if header.reading.profile == "keep" else None
    beside = Beside(header.metadata, profile, 1 if turns else header.orientation)
    with _blaming(EncodeFailedError, encoding.format, data, header):
        encoded = encode(image, encoding, beside)
    frames = header.frames if moves else None
    salvaged = header.is_lenient or None
    source = ImageInfo(
        header.width,
        header.height,
        header.format.name,
        len(data),
        _sha256(data),
        frames=frames,
        salvaged=salvaged,
    )
    output = ImageInfo(
        image.width,
        image.height // (frames or 1),
        encoded.format,
        len(encoded.data),
        _sha256(encoded.data),
        quality=encoded.quality,
        frames=frames,
    )
    return Rendered(encoded.data, source, output, scene.findings)


def _still(data: bytes, header: Header, pipeline: Pipeline, scene: Scene) -> pyvips.Image:
    return _filtered(_decoded(data, header, pipeline), pipeline, data, header, scene)


def _moving(data: bytes, header: Header, pipeline: Pipeline, scene: Scene) -> pyvips.Image:
    """Take each frame through the pipeline by itself, as if it were a picture of its own."""
    frames = decode_frames(data, header)
    # Backwards, so that what analyses find is of the first frame.
    done = [_filtered(each, pipeline, data, header, scene).copy_memory() for each in reversed(frames)]
    return joined(done[::-1], header)


def second_picture(data: bytes, limits: Limits) -> pyvips.Image:
    """Return a picture to be put on others, upright and in memory; raises as `render` does."""
    header = read_header(data, replace(limits, max_pixels=min(limits.max_pixels, HELD_PIXELS)))
    return held(_decoded(data, header, Pipeline()))


def _decoded(data: bytes, header: Header, pipeline: Pipeline) -> pyvips.Image:
    """Decode no more than the first filter needs, and turn the picture upright."""
    turns = pipeline.auto_orients and header.orientation > 1
    sideways = turns and header.is_sideways
    upright = header.size[::-1] if sideways else header.size
    wanted = pipeline.shrinks_to(upright)
    streamed = not turns and pipeline.streams(upright)
    image = decode(data, header, wanted[::-1] if wanted and sideways else wanted, streamed=streamed)
    return _upright(image, header.orientation) if turns else image


_TURNS: dict[int, tuple[str, ...]] = {
    2: ("fliphor",),
    3: ("rot180",),
    4: ("flipver",),
    5: ("rot90", "fliphor"),
    6: ("rot90",),
    7: ("rot270", "fliphor"),
    8: ("rot270",),
}
"""EXIF orientation: what makes the stored picture upright. Source: CIPA DC-008 (Exif 2.32), table 6."""


def _upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    for turn in _TURNS[orientation]:
        image = getattr(image, turn)()
    return image


def _filtered(
    image: pyvips.Image, pipeline: Pipeline, data: bytes, header: Header, scene: Scene
) -> pyvips.Image:
    last = len(pipeline.pixel_filters) - 1
    for at, each in enumerate(pipeline.pixel_filters):
        with _blaming(FilterFailedError, each.name, data, header):
            image = each.run(image, scene)
            # The last one's pixels are asked for once, by the encoder, which takes a copy of its own.
            image = held(image) if each.costly and at < last else image
    return image


_LOADERS = ("load_source", "VipsJpeg", "webp2vips", "tiff2vips", "spng", "libpng", "heif")
"""Words of libvips's loaders, which show in a later step's error only when the picture is streamed."""


@contextmanager
def _blaming(kind: type[ItemError], name: str, data: bytes, header: Header) -> Iterator[None]:
    """Turn libvips's errors into `kind`, unless they come from a source that is only read now."""
    try:
        yield
    except pyvips.Error as error:
        said = " ".join(str(error).split())
        if "out of memory" in said:
            raise MemoryError from error
        if any(word in said for word in _LOADERS):
            raise unreadable(data, header.format.name, said) from error
        raise kind(f"{name}: {said[:200]}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

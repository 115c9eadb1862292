"""Renders one picture, from bytes to bytes: decode, pipeline, encode. Knows no services; runs in any process.

Several files of one picture share the work: the picture is decoded once, the shared filters run once, and
then each file has a branch of its own.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import pyvips
from pydantic import JsonValue

from rayjobs.codec import (
    AncillaryData,
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
    scaling,
    unreadable,
    upright,
)
from rayjobs.engine.branches import Branch, ImageInfo, Rendered
from rayjobs.errors import (
    EncodeFailedError,
    FilterFailedError,
    ItemError,
    TruncatedError,
    WorkerOutOfMemoryError,
)
from rayjobs.filters.base import Filter, Scene, Size
from rayjobs.filters.pixels import HELD_PIXELS, held
from rayjobs.request.pipeline import Pipeline, shrinks_to

__all__ = ["Branch", "ImageInfo", "Rendered", "engine_versions", "render", "render_all", "second_picture"]


def render(
    data: bytes,
    pipeline: Pipeline,
    encoding: Encoding,
    limits: Limits,
    picture: Callable[[str], pyvips.Image] | None = None,
    reading: Reading | None = None,
) -> Rendered:
    """Run a pipeline on one picture and make one file; arguments and errors are those of `render_all`."""
    [rendered] = render_all(data, pipeline, [Branch(Pipeline(), encoding)], limits, picture, reading)
    return rendered


def render_all(
    data: bytes,
    pipeline: Pipeline,
    branches: Sequence[Branch],
    limits: Limits,
    picture: Callable[[str], pyvips.Image] | None = None,
    reading: Reading | None = None,
) -> list[Rendered]:
    """Make all the files of one picture; return them in the order of their branches.

    Args:
        data: The bytes of a file, in one of the formats that can be read.
        pipeline: The shared filters, which run first and once.
        branches: The further filters and the encoding of each file; their names differ.
        limits: Checked against the header, before any pixel is decoded.
        picture: Returns the second picture of a filter by its reference, from `second_picture`.
        reading: How to read it; the defaults if None.

    Raises:
        ItemError: The class says what failed. An error of any other class is not the picture's fault.
    """
    reading = reading or Reading()
    moving = any(each.encoding.frames == "all" for each in branches)

    def attempt(*, lenient: bool) -> list[Rendered]:
        header = read_header(data, limits, reading, lenient=lenient, moving=moving)
        scene = Scene(partial(facts, data, header))
        scene = replace(scene, picture=picture) if picture else scene
        return _Source(data, header, scene).rendered(pipeline, branches)

    try:
        try:
            return attempt(lenient=False)
        except TruncatedError:
            if reading.on_truncated == "fail":
                raise
            return attempt(lenient=True)
    except MemoryError as error:
        raise WorkerOutOfMemoryError("the process had no memory left for this picture") from error


def second_picture(data: bytes, limits: Limits) -> pyvips.Image:
    """Return a picture for filters that need a second one, upright and in memory; raises as `render_all`."""
    header = read_header(data, replace(limits, max_pixels=min(limits.max_pixels, HELD_PIXELS)))
    return held(_Source(data, header, Scene()).decoded([Pipeline()], Pipeline()))


_Made = tuple[Branch, pyvips.Image, dict[str, JsonValue]]
"""A branch, its picture, and the findings of its analyses."""

_End = tuple[Branch, tuple[Filter, ...]]
"""A branch, and those of its filters that are still to run."""


@dataclass(frozen=True)
class _Source:
    """The file of a source picture, with its header."""

    data: bytes
    header: Header
    scene: Scene

    def rendered(self, pipeline: Pipeline, branches: Sequence[Branch]) -> list[Rendered]:
        moving = [each for each in branches if self._moves(each)]
        still = [each for each in branches if not self._moves(each)]
        info = ImageInfo(
            self.header.width,
            self.header.height,
            self.header.format.name,
            len(self.data),
            _sha256(self.data),
            frames=self.header.frames if moving else None,
            salvaged=self.header.is_lenient or None,
        )
        files = {}
        for branch, image, findings in chain(self._still(pipeline, still), self._moving(pipeline, moving)):
            with branch.in_hand():
                # Read after decoding: libvips knows a JPEG XL's profile only when its pixels are decoded.
                encoded, output = self._encoded(image, branch, self._ancillary(pipeline))
            files[branch.name] = Rendered(encoded, info, output, self.scene.findings, findings)
        return [files[branch.name] for branch in branches]

    def _ancillary(self, pipeline: Pipeline) -> AncillaryData:
        profile = self.header.profile if self.header.reading.profile == "keep" else None
        turns = pipeline.auto_orients or self.header.orientation == 1
        return AncillaryData(self.header.metadata, profile, 1 if turns else self.header.orientation)

    def _moves(self, branch: Branch) -> bool:
        return branch.encoding.frames == "all" and is_animated(self.header)

    def _still(self, pipeline: Pipeline, branches: Sequence[Branch]) -> Iterator[_Made]:
        """Give the picture at each branch's end, lazily: one is written before the next one begins."""
        if not branches:
            return
        shared = self._parting(pipeline, branches)
        if shared is None:
            for branch in branches:
                yield from self._still(pipeline, [branch])
            return
        for start, some in self._starts(shared, pipeline, branches):
            yield from self._grown(start, [(each, each.pipeline.pixel_filters) for each in some], {})

    def _starts(
        self, shared: pyvips.Image, pipeline: Pipeline, branches: Sequence[Branch]
    ) -> Iterator[tuple[pyvips.Image, Sequence[Branch]]]:
        """Give groups of branches with the picture that they start from.

        The picture is as small as the decoder would make it for the branch alone. The result of shared
        filters is not made smaller: for a branch alone, it would not be smaller either.
        """
        if len(branches) == 1 or pipeline.pixel_filters:
            yield shared, branches
            return
        size = self._upright_size(pipeline)
        scales = [scaling(self.header, size, each.pipeline.shrinks_to(size)) for each in branches]
        at = min(scales)
        for scale in sorted(set(scales)):
            if scale > at:
                shared = shared.shrink(scale // at, scale // at).copy_memory()
                at = scale
            yield shared, [each for each, its in zip(branches, scales, strict=True) if its == scale]

    def _grown(
        self, image: pyvips.Image, ends: Sequence[_End], findings: dict[str, JsonValue]
    ) -> Iterator[_Made]:
        """Give the picture at each branch's end; a filter that several branches begin with runs once."""
        groups: list[tuple[Filter, list[_End]]] = []
        for branch, filters in ends:
            if not filters:
                yield branch, image, findings
                continue
            alike = next((group for each, group in groups if each == filters[0]), None)
            if alike is None:
                groups.append((filters[0], alike := []))
            alike.append((branch, filters[1:]))
        for each, group in groups:
            scene = replace(self.scene, findings=dict(findings))
            (branch, filters), *others = group
            with branch.in_hand(), self._blaming(FilterFailedError, each.name):
                made = each.run(image, scene)
                made = held(made) if others or (each.costly and filters) else made
            yield from self._grown(made, group, scene.findings)

    def _parting(self, pipeline: Pipeline, branches: Sequence[Branch]) -> pyvips.Image | None:
        """Return the picture behind the shared filters; None if it is too large to hold for many branches."""
        wholes = [pipeline.then(branch.pipeline) for branch in branches]
        is_alone = len(branches) == 1
        image = self.decoded(wholes, wholes[0] if is_alone else pipeline)
        goes_on = not is_alone or bool(branches[0].pipeline.pixel_filters)
        image = self._filtered(image, pipeline, self.scene, keeps=goes_on)
        return image if is_alone or image.width * image.height <= HELD_PIXELS else None

    def _moving(self, pipeline: Pipeline, branches: Sequence[Branch]) -> Iterator[_Made]:
        """Run the filters on each frame, as on a picture of its own, and give the joined pictures."""
        if not branches:
            return
        frames = decode_frames(self.data, self.header)
        # Backwards, so that the findings of analyses are those of the first frame.
        shared = [self._filtered(each, pipeline, self.scene, keeps=True) for each in reversed(frames)]
        for branch in branches:
            scene = replace(self.scene, findings={})
            with branch.in_hand():
                done = [self._filtered(each, branch.pipeline, scene, keeps=True) for each in shared]
                image = joined(done[::-1], self.header)
            yield branch, image, scene.findings

    def decoded(self, pipelines: Sequence[Pipeline], reader: Pipeline) -> pyvips.Image:
        """Decode as small as the first filters allow, and turn the picture upright.

        Args:
            pipelines: The whole pipeline of each branch.
            reader: The pipeline that reads the decoded picture.
        """
        header, size = self.header, self._upright_size(reader)
        turns = reader.auto_orients and header.orientation > 1
        wanted = shrinks_to(pipelines, size)
        streamed = not turns and reader.streams(size)
        stored = wanted[::-1] if wanted and size != header.size else wanted
        image = decode(self.data, header, stored, streamed=streamed)
        if not turns:
            return image
        image = upright(image, header.orientation)
        return held(image) if len(pipelines) > 1 else image

    def _upright_size(self, pipeline: Pipeline) -> Size:
        sideways = pipeline.auto_orients and self.header.is_sideways
        return self.header.size[::-1] if sideways else self.header.size

    def _filtered(
        self, image: pyvips.Image, pipeline: Pipeline, scene: Scene, *, keeps: bool = False
    ) -> pyvips.Image:
        """Return the filtered picture; lazy, unless it `keeps` its pixels because several readers follow."""
        last = len(pipeline.pixel_filters) - 1
        for at, each in enumerate(pipeline.pixel_filters):
            with self._blaming(FilterFailedError, each.name):
                image = each.run(image, scene)
                # The encoder reads the last result once and takes its own copy.
                image = held(image) if (each.costly if at < last else keeps) else image
        return image

    def _encoded(
        self, image: pyvips.Image, branch: Branch, ancillary: AncillaryData
    ) -> tuple[bytes, ImageInfo]:
        frames = self.header.frames if self._moves(branch) else None
        with self._blaming(EncodeFailedError, branch.encoding.format):
            encoded = encode(image, branch.encoding, ancillary)
        info = ImageInfo(
            image.width,
            image.height // (frames or 1),
            encoded.format,
            len(encoded.data),
            _sha256(encoded.data),
            quality=encoded.quality,
            frames=frames,
        )
        return encoded.data, info

    @contextmanager
    def _blaming(self, kind: type[ItemError], name: str) -> Iterator[None]:
        """Turn libvips's errors into `kind`, except errors of a streamed source, which is read only now."""
        try:
            yield
        except pyvips.Error as error:
            said = " ".join(str(error).split())
            if "out of memory" in said:
                raise MemoryError from error
            if any(word in said for word in _LOADERS):
                raise unreadable(self.data, self.header.format.name, said) from error
            raise kind(f"{name}: {said[:200]}") from error


_LOADERS = ("load_source", "VipsJpeg", "webp2vips", "tiff2vips", "spng", "libpng", "heif")
"""Names of libvips's loaders; a later step's error contains one only if the picture is streamed."""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

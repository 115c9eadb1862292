"""Files of more frames than the limit, of which one frame is requested."""

from typing import Any

import numpy as np
import pytest

from rayjobs.codec import Encoding, Limits, Reading, decode, read_header
from rayjobs.codec.frames import up_to
from rayjobs.engine.rendering import render
from rayjobs.errors import DecodeFailedError, TooManyFramesError
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import Array, array, file_of, frames_of, opened, picture

FRAMES = 300
OPTIONS: dict[str, dict[str, Any]] = {
    "GIF": {},
    "TIFF": {},
    "WEBP": {"lossless": True, "minimize_size": False},
}


def animation(format: str, count: int = FRAMES) -> bytes:
    first, *more = (picture(24, 16, seed=seed) for seed in range(count))
    return file_of(first, format, save_all=True, append_images=more, **OPTIONS[format])


def pixels(data: bytes, page: int, limits: Limits) -> Array:
    header = read_header(data, limits, Reading(page=page))
    assert header.frames == FRAMES
    return array(decode(data, header, None, streamed=False))


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {format: animation(format) for format in OPTIONS}


@pytest.mark.parametrize("format", OPTIONS)
def test_the_requested_frame_is_the_same_as_without_a_limit(format: str, files: dict[str, bytes]) -> None:
    data = files[format]
    for page in (0, 1, 77, FRAMES - 1):
        # Only the frames of a GIF that are read decide whether it has alpha.
        few = pixels(data, page, Limits(max_frames=5, max_pixels=24 * 16))[..., :3]
        assert np.array_equal(few, pixels(data, page, Limits(max_frames=FRAMES))[..., :3])
        if format != "GIF":
            assert np.array_equal(few, np.asarray(picture(24, 16, seed=page)))


@pytest.mark.parametrize("format", OPTIONS)
def test_the_error_of_a_frame_beyond_the_last_has_the_true_number(
    format: str, files: dict[str, bytes]
) -> None:
    with pytest.raises(DecodeFailedError, match=r"page 300 was requested.*has 300") as caught:
        read_header(files[format], Limits(max_frames=5), Reading(page=FRAMES))
    assert (caught.value.limit, caught.value.actual) == (FRAMES - 1, FRAMES)


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
@pytest.mark.parametrize("frames", ["first", "all"])
def test_the_engine_counts_what_it_decodes(format: str, frames: Any, files: dict[str, bytes]) -> None:
    encoding = Encoding(format="webp", frames=frames)
    if frames == "first":
        done = render(files[format], parse_pipeline([]), encoding, Limits())
        assert (opened(done.data).size, frames_of(done.data)) == ((24, 16), 1)
        return
    with pytest.raises(TooManyFramesError, match="has more than 200 frames, the limit is 200") as caught:
        render(files[format], parse_pipeline([]), encoding, Limits())
    assert (caught.value.limit, caught.value.actual) == (200, "more than 200")


def test_the_pages_of_a_tiff_are_no_animation(files: dict[str, bytes]) -> None:
    done = render(files["TIFF"], parse_pipeline([]), Encoding(format="tiff", frames="all"), Limits())
    assert np.array_equal(array(opened(done.data)), np.asarray(picture(24, 16, seed=0)))


@pytest.mark.parametrize("format", OPTIONS)
def test_a_file_cut_after_a_frame_has_the_frames_before(format: str) -> None:
    data = animation(format, 6)
    for page in range(6):
        assert frames_of(up_to(data, format.lower(), page)) == page + 1
    assert up_to(data, format.lower(), 6) == data

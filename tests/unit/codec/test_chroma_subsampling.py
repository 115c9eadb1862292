"""Chroma subsampling of JPEG: another decoder reads those without a name in TurboJPEG."""

import numpy as np
import pytest

from rayjobs.codec import Limits, decode, read_header
from rayjobs.errors import UnsupportedFormatError
from tests.support.pictures import Array, array, opened
from tests.support.sampled_jpeg import Sampling, sampled_jpeg

LEVELS = 150, 100, 170


def read(data: bytes, wanted: tuple[int, int] | None = None) -> Array:
    return array(decode(data, read_header(data, Limits()), wanted, streamed=False))


@pytest.mark.parametrize("wanted", [None, (8, 5)])
@pytest.mark.parametrize(
    "sampling",
    [
        ((1, 1), (1, 1), (1, 1)),
        ((2, 1), (1, 1), (1, 1)),
        ((2, 2), (1, 1), (1, 1)),
        ((1, 2), (1, 1), (1, 1)),
        ((4, 1), (1, 1), (1, 1)),
        ((1, 4), (1, 1), (1, 1)),
        ((4, 2), (1, 1), (1, 1)),
        ((2, 4), (1, 1), (1, 1)),
        ((3, 1), (1, 1), (1, 1)),
        ((1, 1), (2, 2), (2, 2)),
        ((1, 1), (2, 1), (1, 1)),
        ((1, 1), (1, 1), (2, 2)),
        ((2, 2), (2, 1), (2, 1)),
        ((2, 2), (1, 2), (1, 2)),
        ((2, 1), (1, 2), (1, 1)),
    ],
)
def test_any_subsampling_gives_the_picture(sampling: Sampling, wanted: tuple[int, int] | None) -> None:
    data = sampled_jpeg(sampling, LEVELS)
    pixels = read(data, wanted)
    expected = np.asarray(opened(data).convert("RGB"))[3, 3]
    assert np.unique(pixels.reshape(-1, 3), axis=0).tolist() == [expected.tolist()]
    assert wanted or pixels.shape == (45, 70, 3)


def test_one_component_of_any_subsampling_is_gray() -> None:
    assert np.unique(read(sampled_jpeg(((4, 2),), LEVELS[:1]))).tolist() == [150]


@pytest.mark.parametrize("sampling", [((3, 2), (1, 1), (2, 1)), ((3, 1), (2, 1), (1, 1))])
def test_a_subsampling_without_a_decoder_is_refused_with_the_reason(sampling: Sampling) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"libjpeg does not decode.*save it as"):
        read(sampled_jpeg(sampling, LEVELS))

"""Every filter on what decoders make of CMYK, 16 bits, palettes and single bits."""

import pytest

from rayjobs.codec import Encoding, Limits
from rayjobs.engine.rendering import render, second_picture
from rayjobs.filters import CATALOGUE
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import file_of, opened, picture, vips

PICTURE = picture(160, 120)

KINDS = {
    "cmyk": file_of(PICTURE.convert("CMYK"), "JPEG"),
    "16 bits": (vips(PICTURE).cast("ushort") * 257).copy(interpretation="rgb16").pngsave_buffer(),
    "palette": file_of(PICTURE.quantize(32)),
    "palette with a hole": file_of(PICTURE.quantize(32), transparency=3),
    "one bit": file_of(PICTURE.convert("1")),
    "gray and alpha": file_of(picture(160, 120, "LA")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_filter_takes_every_kind_of_source(name: str, kind: str) -> None:
    mark = second_picture(KINDS["palette with a hole"], Limits())
    pipeline = parse_pipeline([CATALOGUE[name].example()])
    rendered = render(KINDS[kind], pipeline, Encoding(format="png", compression=1), Limits(), lambda _: mark)
    assert opened(rendered.data).size == (rendered.output.width, rendered.output.height)

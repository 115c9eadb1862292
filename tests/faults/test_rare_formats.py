"""Formats whose decoders are loaded when they are needed, in an engine process with its limits in force."""

from pathlib import Path

import pytest

from rayjobs.codec import Encoding, encode
from tests.support.engines import engines
from tests.support.heic import HEIC
from tests.support.pictures import file_of, picture, vips
from tests.support.system import System


@pytest.mark.parametrize("output", ["jpeg", "jxl", "avif"])
def test_each_format_is_read_and_written_in_an_engine_process(
    whole_farm: System, pictures: Path, output: str
) -> None:
    files = {
        "a.heic": HEIC["plain"],
        "b.jxl": encode(vips(picture(64, 48)), Encoding(format="jxl")).data,
        "c.avif": file_of(picture(64, 48), "AVIF"),
        "d.jp2": file_of(picture(64, 48), "JPEG2000"),
        "e.ppm": file_of(picture(64, 48), "PPM"),
    }
    for name, data in files.items():
        (pictures / name).write_bytes(data)
    with engines(whole_farm) as own:
        whole_farm.dispatch(own.run_chunk)
        source = {"type": "paths", "paths": [str(pictures / name) for name in files]}
        batch = whole_farm.finished(whole_farm.submit(source, [], output={"format": output}))
        assert batch.counts.succeeded == len(files), list(whole_farm.items(batch.id))

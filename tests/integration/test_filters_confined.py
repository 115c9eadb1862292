"""What filters need of the machine beside a picture, they get inside of a confined engine process too."""

from typing import Any

from rayjobs.model.batch import State
from tests.support.engines import engines
from tests.support.pictures import file_of, picture
from tests.support.system import System

SAMPLES = {"type": "samples", "count": 3}


def test_letters_and_second_pictures_are_the_same_in_an_engine_process(whole_farm: System) -> None:
    sent = whole_farm.intake.upload("mark.png", [file_of(picture(20, 16, "RGBA"))])
    pipeline: list[dict[str, Any]] = [
        {"name": "thumbnail", "size": 200},
        {"name": "text", "text": "built in"},
        {"name": "text", "text": "another", "font": "DejaVu Sans Bold", "gravity": "north"},
        {"name": "watermark", "picture": f"upload:{sent['id']}"},
        {"name": "watermark", "picture": "sample:fig_alpha.png", "gravity": "northwest"},
        {"name": "phash"},
    ]
    here = whole_farm.dispatch()
    plain = whole_farm.finished(whole_farm.submit(SAMPLES, pipeline))
    here.set()
    whole_farm.threads.pop().join(10)
    with engines(whole_farm) as own:
        whole_farm.dispatch(own.run_chunk)
        confined = whole_farm.finished(whole_farm.submit(SAMPLES, pipeline), timeout_s=90)
    assert plain.state is confined.state is State.SUCCEEDED
    assert whole_farm.outputs(confined.id) == whole_farm.outputs(plain.id)
    found = [[item["analysis"] for item in whole_farm.items(each.id)] for each in (plain, confined)]
    assert found[0] == found[1]

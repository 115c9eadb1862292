"""What filters take from a batch beside a picture, and give back: second pictures and analyses."""

from typing import Any

import pytest

from rayjobs.adapters.memory.registry import MemoryRegistry
from rayjobs.errors import InvalidPipelineError
from rayjobs.model.batch import State
from rayjobs.settings import Settings
from tests.support.pictures import array, file_of, opened, picture
from tests.support.system import System, farm

SAMPLES = {"type": "samples", "count": 2}
SMALL: dict[str, Any] = {"name": "resize", "width": 64, "height": 64}


@pytest.fixture
def whole(farm_settings: Settings) -> System:
    return System(farm_settings, MemoryRegistry(farm_settings))


def test_an_upload_can_be_put_on_every_picture(farm_settings: Settings) -> None:
    with farm(farm_settings, MemoryRegistry(farm_settings)) as whole:
        sent = whole.intake.upload("mark.png", [file_of(picture(8, 8).point(lambda _: 255))])
        mark: dict[str, Any] = {
            "picture": f"upload:{sent['id']}",
            "gravity": "northwest",
            "margin": 0,
            "scale": None,
        }
        pipeline = [SMALL, {"name": "watermark", **mark}]
        whole.dispatch()
        batch_id = whole.submit(SAMPLES, pipeline, output={"format": "png"})
        assert whole.finished(batch_id).state is State.SUCCEEDED
        for data in whole.outputs(batch_id).values():
            pixels = array(opened(data))
            assert (pixels[:8, :8] == 255).all()
            assert not (pixels[8:] == 255).all()


def test_what_an_analysis_finds_stands_in_the_item(farm_settings: Settings) -> None:
    with farm(farm_settings, MemoryRegistry(farm_settings)) as whole:
        whole.dispatch()
        pipeline = [SMALL, {"name": "phash"}, {"name": "palette", "count": 2, "key": "colours"}]
        batch_id = whole.submit(SAMPLES, pipeline)
        whole.finished(batch_id)
        for item in whole.items(batch_id):
            assert set(item["analysis"]) == {"phash", "colours"}
            assert len(item["analysis"]["phash"]) == 16
            assert len(item["analysis"]["colours"]) == 2


@pytest.mark.parametrize("reference", ["sample:nothing.jpg", "upload:u_nothing"])
def test_a_second_picture_that_is_not_there_is_refused_before_anything_is_stored(
    whole: System, reference: str
) -> None:
    pipeline = [SMALL, {"name": "composite", "picture": reference}]
    for ask in (whole.intake.submit, whole.intake.plan):
        with pytest.raises(InvalidPipelineError) as caught:
            ask({"source": SAMPLES, "pipeline": pipeline})
        problem = caught.value.problems[0]
        assert (problem.pointer, problem.code) == ("/pipeline/1/picture", "source_not_found")
    assert list(whole.record.store.names("record")) == []


def test_a_plan_warns_of_a_late_resize(whole: System) -> None:
    plan = whole.intake.plan({"source": SAMPLES, "pipeline": [{"name": "blur", "radius": 3}, SMALL]})
    assert [(each["pointer"], each["code"]) for each in plan["warnings"]] == [("/pipeline/1", "resize_late")]

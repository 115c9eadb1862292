"""Users' own filters: found, validated and run like ours; a bad one says what is wrong, and harms nothing."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayjobs import filters
from rayjobs.codec import Encoding, Limits
from rayjobs.engine.branches import Rendered
from rayjobs.engine.rendering import render
from rayjobs.entrypoints.agent import _agent
from rayjobs.errors import FilterFailedError, InvalidPipelineError, UnknownFilterError
from rayjobs.filters import plugins
from rayjobs.filters.plugins import announce
from rayjobs.request.pipeline import parse_pipeline
from rayjobs.request.spec import Work
from rayjobs.settings import Settings
from tests.support.pictures import array, file_of, opened, picture
from tests.support.plugged import lay, on_path

SOURCE = '''
from typing import Annotated, Any, Literal
import numpy as np
from pydantic import ConfigDict, Field
from rayjobs.filters.array import ArrayFilter, FilterFailedError

class Dim(ArrayFilter):
    """Make it darker.

    Example:
        {"name": "dim", "by": 10}
    """
    name: Literal["dim"] = "dim"
    by: Annotated[int, Field(ge=0, le=255)]
    "Levels."
    def apply(self, pixels):
        if self.by == 255:
            raise FilterFailedError("dim: nothing would be left")
        pixels[...] = np.maximum(pixels, self.by) - self.by
        return pixels

class Wrong(Dim):
    """Return what `how` evaluates to.

    Example:
        {"name": "wrong", "how": "pixels"}
    """
    name: Literal["wrong"] = "wrong"
    by: int = 0
    how: str
    def apply(self, pixels):
        return eval(self.how)

class Blur(Dim):
    """Have a name that is taken.

    Example:
        {"name": "blur", "by": 1}
    """
    name: Literal["blur"] = "blur"

class Renamed(Dim):
    """Have another name than its entry point."""

class Bare(Dim):
    "No example."
    name: Literal["bare"] = "bare"

class Loose(Dim):
    """Take anything.

    Example:
        {"name": "loose", "by": 1}
    """
    model_config = ConfigDict(extra="allow")
    name: Literal["loose"] = "loose"

class Idle(ArrayFilter):
    """Do nothing.

    Example:
        {"name": "idle"}
    """
    name: Literal["idle"] = "idle"

def function(pixels):
    return pixels
'''


@pytest.fixture(autouse=True)
def plugged(tmp_path: Path) -> Iterator[Path]:
    points = {
        name.lower(): f"aaa:{name}" for name in ("Dim", "Wrong", "Blur", "Bare", "Loose", "Idle", "function")
    }
    folder = lay(tmp_path, "aaa", source=SOURCE, **points, other="aaa:Renamed", nothing="aaa:Nothing")
    lay(folder, "bbb", "2.0", source="import no_such_module", dim="bbb:Dim", lost="bbb:Lost")
    lay(folder, "ccc", source="raise SystemExit('bye')", leaver="ccc:Leaver")
    with on_path(folder):
        yield folder


def rendered(*raw: dict[str, Any], mode: str = "RGB") -> Rendered:
    data = file_of(picture(40, 30, mode), "PNG")
    return render(data, parse_pipeline(list(raw)), Encoding(format="png"), Limits.of(Settings()))


def test_one_is_in_the_catalogue_with_its_schema() -> None:
    [row] = [each for each in filters.describe() if each["name"] == "dim"]
    assert (row["family"], row["summary"], row["example"]) == (
        "plug-in",
        "Make it darker.",
        {"name": "dim", "by": 10},
    )
    assert row["schema"]["properties"]["by"]["maximum"] == 255
    assert filters.plugin_versions() == {"aaa": "1.0"}


def test_one_is_validated_like_ours() -> None:
    with pytest.raises(InvalidPipelineError, match="/pipeline/0/by: must be at most 255"):
        parse_pipeline([{"name": "dim", "by": 256}])
    with pytest.raises(InvalidPipelineError, match="Did you mean 'by'"):
        parse_pipeline([{"name": "dim", "by": 1, "bye": 1}])
    with pytest.raises(UnknownFilterError, match="Did you mean 'dim'"):
        parse_pipeline([{"name": "dimm"}])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_one_has_the_pixels_that_were_and_gives_those_that_are(mode: str) -> None:
    before = np.asarray(picture(40, 30, mode)).astype(int)
    result = array(
        opened(
            rendered({"name": "dim", "by": 10}, {"name": "flip", "direction": "horizontal"}, mode=mode).data
        )
    )
    expected = np.maximum(before - 10, 0).reshape(30, 40, -1)[:, ::-1]
    assert np.array_equal(result.reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("how", "got"),
    [
        ("None", "NoneType"),
        ("pixels / 2", "float64 (30, 40, 3)"),
        ("pixels[..., 0]", "uint8 (30, 40)"),
        ("pixels[:0]", "uint8 (0, 40, 3)"),
        ("np.concatenate([pixels, pixels], 2)", "uint8 (30, 40, 6)"),
    ],
)
def test_what_is_no_picture_is_told_beside_what_was_expected(how: str, got: str) -> None:
    with pytest.raises(FilterFailedError) as caught:
        rendered({"name": "wrong", "how": how})
    assert caught.value.detail.startswith(f"wrong: returned {got}, expected uint8 (height, width, bands)")
    assert caught.value.actual == got


def test_what_it_raises_is_the_items_fault_and_its_trace_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(FilterFailedError, match="nothing would be left"):
        rendered({"name": "dim", "by": 255})
    assert not caplog.records
    with pytest.raises(FilterFailedError, match="wrong: ZeroDivisionError: division by zero"):
        rendered({"name": "wrong", "how": "1 / 0"})
    assert caplog.records[0].exc_info


def test_another_size_may_come_back() -> None:
    output = rendered({"name": "wrong", "how": "pixels[:10, ::2, :1]"}).output
    assert (output.width, output.height) == (20, 10)


def test_each_that_is_bad_says_why_and_the_others_work(caplog: pytest.LogCaptureFixture) -> None:
    said = {(each.name, each.package): each.error for each in plugins()}
    assert [key for key, error in said.items() if error is None] == [("dim", "aaa"), ("wrong", "aaa")]
    expected = {
        ("bare", "aaa"): "aaa:Bare: JSONDecodeError",
        ("blur", "aaa"): "the name 'blur' is taken",
        ("dim", "bbb"): "the name 'dim' is taken",
        ("function", "aaa"): "aaa:function is no class that derives from rayjobs.filters.array.ArrayFilter",
        ("idle", "aaa"): "aaa:Idle does not define apply",
        ("leaver", "ccc"): "ccc:Leaver: SystemExit: bye",
        ("loose", "aaa"): "aaa:Loose takes fields that it does not know",
        ("lost", "bbb"): "bbb:Lost: ModuleNotFoundError: No module named 'no_such_module'",
        ("nothing", "aaa"): "aaa:Nothing: AttributeError",
        ("other", "aaa"): 'aaa:Renamed needs the field name: Literal["other"] = "other"',
    }
    for key, start in expected.items():
        assert (said[key] or "").startswith(start), said[key]
    with caplog.at_level(logging.INFO):
        announce(plugins())
    assert {record.levelname for record in caplog.records} == {"INFO", "WARNING"}
    with pytest.raises(
        UnknownFilterError, match="the plug-in 'lost' can't be used: bbb:Lost: ModuleNotFound"
    ):
        parse_pipeline([{"name": "lost"}])


def test_a_worker_that_lacks_one_fails_its_items_with_the_reason() -> None:
    lacking = [{"name": "elsewhere", "by": 1}]
    documents: dict[str, dict[str, Any]] = {
        "/pipeline/0": {"pipeline": lacking},
        "/variants/0/pipeline/0": {"pipeline": [], "variants": [{"name": "a", "pipeline": lacking}]},
    }
    for where, document in documents.items():
        pipeline = Work.of({"input": {}, "output": {}, **document}).pipeline
        with pytest.raises(FilterFailedError, match=f"can't run the pipeline: {where}/name: no filter"):
            render(file_of(picture(4, 3)), pipeline, Encoding(), Limits.of(Settings()))


def test_a_worker_says_which_it_has_and_of_which_version() -> None:
    worker = _agent(Settings(), slots=1)._describe([], ())
    assert worker.capabilities["plugins"] == ["dim", "wrong"]
    assert {"dim", "blur"} <= set(worker.capabilities["filters"])
    assert worker.engine_versions["aaa"] == "1.0"

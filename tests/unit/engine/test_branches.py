"""Several files of one picture, through the engine: one decode, shared filters, then each by itself."""

import io
from typing import Any

import pytest
from PIL import Image

from rayjobs import codec
from rayjobs.codec import Encoding, Limits, Reading
from rayjobs.engine import rendering
from rayjobs.engine.branches import Branch, Rendered
from rayjobs.engine.rendering import render, render_all, second_picture
from rayjobs.errors import EncodeFailedError, FilterFailedError, TruncatedError
from rayjobs.filters.scale import Thumbnail
from rayjobs.request.pipeline import parse_pipeline
from tests.support.pictures import decibels, file_of, opened, picture
from tests.unit.engine.test_rendering import hold_no_more_than, oriented

PNG = Encoding(format="png")
SMALL = {"name": "thumbnail", "size": 60}
WIDE = {"name": "resize", "width": 120, "height": 40, "fit": "cover"}
GRAY = {"name": "grayscale"}


def branch(name: str, *filters: dict[str, Any], encoding: Encoding = PNG) -> Branch:
    return Branch(parse_pipeline(list(filters)), encoding, name)


def run(data: bytes, shared: list[dict[str, Any]], *branches: Branch) -> dict[str, Rendered]:
    rendered = render_all(data, parse_pipeline(shared), branches, Limits())
    return dict(zip((each.name for each in branches), rendered, strict=True))


def alone(data: bytes, shared: list[dict[str, Any]], one: Branch) -> Rendered:
    return render(data, parse_pipeline(shared).then(one.pipeline), one.encoding, Limits())


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what was decoded so far, each time with the size that is wanted."""
    seen: list[Any] = []

    def decode(*args: Any, **kwargs: Any) -> Any:
        seen.append(args[2])
        return known(*args, **kwargs)

    known = codec.decode
    monkeypatch.setattr(rendering, "decode", decode)
    return seen


@pytest.mark.parametrize("shared", [[], [GRAY], [{"name": "resize", "width": 90, "height": 60}]])
@pytest.mark.parametrize("name", ["PNG", "WEBP"])
def test_each_file_is_what_it_would_be_by_itself(
    name: str, shared: list[dict[str, Any]], decodes: list[Any]
) -> None:
    data = file_of(picture(300, 200), name)
    branches = branch("small", SMALL), branch("wide", WIDE, {"name": "blur", "radius": 2}), branch("plain")
    found = run(data, shared, *branches)
    assert len(decodes) == 1
    for each in branches:
        assert found[each.name].data == alone(data, shared, each).data


def test_a_decode_is_scaled_down_as_far_as_every_branch_allows(decodes: list[Any]) -> None:
    data = file_of(picture(1600, 1200), "JPEG", quality=95)
    small, wide = branch("small", SMALL), branch("wide", WIDE)
    found = run(data, [], small, wide)
    assert decodes == [(120, 90)]
    for each in (small, wide):
        assert decibels(opened(found[each.name].data), opened(alone(data, [], each).data)) >= 40
    run(data, [], small, branch("plain"))
    assert decodes[-1] is None


@pytest.mark.parametrize("size", [(1600, 1200), (1537, 1023)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_small_file_beside_a_large_one_is_as_good_as_by_itself(
    size: tuple[int, int], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(picture(*size), "JPEG", quality=95, exif=exif)
    sizes = 900, 300, 140, 60
    branches = [branch(str(each), {"name": "thumbnail", "size": each}) for each in sizes]
    found = run(data, [], *branches, branch("plain"))
    for each in branches:
        ours, theirs = opened(found[each.name].data), opened(alone(data, [], each).data)
        assert ours.size == theirs.size
        assert decibels(ours, theirs) >= 40


def test_a_picture_on_its_side_is_turned_once_for_all(decodes: list[Any]) -> None:
    found = run(oriented(6), [], branch("a", {"name": "thumbnail", "size": 24}), branch("b"))
    assert [opened(each.data).size for each in found.values()] == [(16, 24), (32, 48)]
    upside = run(oriented(3), [{"name": "auto_orient", "enabled": False}], branch("a"), branch("b", SMALL))
    assert opened(upside["a"].data).size == (48, 32)
    assert len(decodes) == 2


def test_what_is_too_large_to_be_held_for_all_is_read_for_each(
    monkeypatch: pytest.MonkeyPatch, decodes: list[Any]
) -> None:
    data = file_of(picture(300, 200))
    branches = branch("small", SMALL), branch("turned", {"name": "rotate", "angle": 90}), branch("gray", GRAY)
    whole = run(data, [], *branches)
    hold_no_more_than(1000, monkeypatch)
    decodes.clear()
    apart = run(data, [], *branches)
    assert {name: each.data for name, each in apart.items()} == {n: each.data for n, each in whole.items()}
    assert len(decodes) == 1 + 3
    decodes.clear()
    run(data, [{"name": "thumbnail", "size": 30}], *branches)
    assert len(decodes) == 1, "the shared filters make it small"


def test_what_branches_do_alike_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    known = Thumbnail.apply

    def counted(self: Thumbnail, image: Any) -> Any:
        ran.append(self.size)
        return known(self, image)

    monkeypatch.setattr(Thumbnail, "apply", counted)
    data, webp = file_of(picture(300, 200)), Encoding(format="webp")
    blur, other = {"name": "blur", "radius": 2}, {"name": "thumbnail", "size": 30}
    branches = (
        branch("png", SMALL),
        branch("webp", SMALL, encoding=webp),
        branch("soft", SMALL, blur, {"name": "dhash"}),
        branch("other", other),
        branch("softer", SMALL, blur, {"name": "blur", "radius": 3}),
    )
    found = run(data, [], *branches)
    assert ran == [60, 30]
    for each in branches:
        assert found[each.name].data == alone(data, [], each).data
    assert [set(each.own_analysis) for each in found.values()] == [set(), set(), {"dhash"}, set(), set()]


def test_analyses_stand_where_they_were_made() -> None:
    found = run(
        file_of(picture(60, 40)),
        [{"name": "info"}],
        branch("a", SMALL, {"name": "dhash"}),
        branch("b", {"name": "resize", "width": 9, "height": 9}, {"name": "info"}),
    )
    assert set(found["a"].analysis) == set(found["b"].analysis) == {"info"}
    assert set(found["a"].own_analysis) == {"dhash"}
    own: Any = found["b"].own_analysis["info"]
    assert (own["filtered"]["width"], own["width"]) == (9, 60)


def test_of_an_animation_some_files_move_and_some_do_not() -> None:
    frames = [picture(24, 16, seed=seed) for seed in range(4)]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=40)
    moving = Encoding(format="webp", frames="all", lossless=True)
    found = run(
        data,
        [GRAY],
        branch("still"),
        branch("moves", encoding=moving),
        branch("turned", {"name": "flip", "direction": "horizontal"}, encoding=moving),
    )
    assert [each.output.frames for each in found.values()] == [None, 4, 4]
    assert {each.source.frames for each in found.values()} == {4}
    assert found["moves"].data == alone(data, [GRAY], branch("x", encoding=moving)).data
    first = Image.open(io.BytesIO(found["moves"].data)).convert("L")
    assert decibels(first, opened(found["still"].data).convert("L")) >= 40


def test_an_error_names_the_file_that_could_not_be_made() -> None:
    data = file_of(picture(60, 40))
    crop = {"name": "crop", "left": 0, "top": 0, "width": 60, "height": 60}
    with pytest.raises(FilterFailedError, match=r"^variant 'cut': crop") as caught:
        run(data, [], branch("fine"), branch("cut", crop))
    assert (caught.value.limit, caught.value.actual) == (40, 60)
    tall = {"name": "resize", "width": 1, "height": 16384}
    with pytest.raises(EncodeFailedError, match=r"^variant 'tall': .*16383"):
        run(data, [], branch("fine"), branch("tall", tall, encoding=Encoding(format="webp")))
    with pytest.raises(FilterFailedError, match=r"^crop"):
        run(data, [crop], branch("fine"), branch("other"))


def test_a_cut_file_is_salvaged_for_all() -> None:
    data = file_of(picture(300, 200), "JPEG")
    data = data[: len(data) // 2]
    branches = [branch("a"), branch("b", SMALL)]
    with pytest.raises(TruncatedError):
        run(data, [], *branches)
    reading = Reading(on_truncated="salvage")
    found = render_all(data, parse_pipeline([]), branches, Limits(), None, reading)
    assert [each.source.salvaged for each in found] == [True, True]


def test_branches_see_the_second_picture() -> None:
    mark = second_picture(file_of(picture(30, 20, "RGBA")), Limits())
    put = {"name": "watermark", "picture": "sample:a.png"}
    data, pipeline = file_of(picture(60, 40)), parse_pipeline([])
    one, other = render_all(data, pipeline, [branch("a", put), branch("b")], Limits(), lambda _: mark)
    assert one.data != other.data

"""Variants as a request names them: what they have of the batch, and names that never meet."""

from typing import Any

import pytest

from rayjobs.errors import InvalidPipelineError, InvalidRequestError, OutputNameError, UnknownFilterError
from rayjobs.model.item import Item
from rayjobs.request.pipeline import Pipeline
from rayjobs.request.spec import Work, parse_request
from rayjobs.request.variants import Output, Variant, are_unique, check_names, parse_variants, require_unique

SAMPLES = {"type": "samples", "count": 2}
THUMB = {"name": "thumb", "pipeline": [{"name": "thumbnail", "size": 32}]}
ITEMS = [Item(0, "/a/cat.jpg"), Item(1, "/b/dog.jpg"), Item(2, "/c/CAT.png")]


def single(template: str) -> list[Variant]:
    return [Variant("", Pipeline(), Output(name=template))]


def variants(*raw: object, **shared: Any) -> tuple[Variant, ...]:
    _, work = parse_request({"source": SAMPLES, "variants": list(raw), "output": shared})
    return work.variants


def named(variant: str, **output: object) -> dict[str, Any]:
    return {"name": variant, "output": output}


def test_a_batch_without_variants_has_one_file_without_a_name() -> None:
    _, work = parse_request({"source": SAMPLES, "pipeline": THUMB["pipeline"]})
    [one] = work.variants
    assert (one.name, one.pipeline, one.output, work.has_variants) == ("", Pipeline(), Output(), False)


def test_what_a_variant_leaves_out_is_the_batchs() -> None:
    full, thumb = variants(named("full"), named("thumb", quality=50), quality=90, metadata="keep")
    assert (full.output.quality, thumb.output.quality) == (90, 50)
    assert full.output.metadata == thumb.output.metadata == "keep"


def test_options_that_a_variants_format_does_not_have_are_not_the_batchs() -> None:
    [webp] = variants(named("webp", format="webp"), progressive=True, quality=70)
    assert (webp.output.format, webp.output.quality, webp.output.progressive) == ("webp", 70, None)


def test_the_default_name_has_the_variants_and_one_that_was_asked_for_stands() -> None:
    [default] = variants(THUMB)
    assert default.file_name(ITEMS[0], "jpg") == "000000-cat-thumb.jpg"
    [asked] = variants(THUMB, name="{variant}/{index}.{ext}")
    assert asked.file_name(ITEMS[0], "jpg") == "thumb/0.jpg"


def test_what_a_batch_shows_is_what_its_slots_read() -> None:
    body = {"source": SAMPLES, "pipeline": [{"name": "grayscale"}], "output": {"quality": 70}}
    form, work = parse_request(body | {"variants": [THUMB, named("b", format="webp", folder="x")]})
    document = form.document(work)
    assert [each["name"] for each in document["variants"]] == ["thumb", "b"]
    assert Work.of(document).variants == work.variants
    again, same = parse_request({**body, "variants": document["variants"]})
    assert again.document(same)["variants"] == document["variants"]


@pytest.mark.parametrize(
    ("raw", "error", "pointer", "code"),
    [
        ("thumb", InvalidRequestError, "/variants", "wrong_type"),
        ([], InvalidRequestError, "/variants", "too_few"),
        ([named(f"v{i}") for i in range(17)], InvalidRequestError, "/variants", "too_many"),
        (["thumb"], InvalidRequestError, "/variants/0", "wrong_type"),
        ([{"pipeline": []}], InvalidRequestError, "/variants/0/name", "missing"),
        ([named("Thumb")], InvalidRequestError, "/variants/0/name", "not_allowed"),
        ([named("../x")], InvalidRequestError, "/variants/0/name", "not_allowed"),
        ([named("x" * 33)], InvalidRequestError, "/variants/0/name", "not_allowed"),
        ([named("a"), named("b"), named("a")], InvalidRequestError, "/variants/2/name", "not_unique"),
        ([named("a"), {"name": "b", "size": 3}], InvalidRequestError, "/variants/1/size", "unknown_field"),
        ([named("a", quality=0)], InvalidRequestError, "/variants/0/output/quality", "out_of_bounds"),
        ([named("a", format=["png"])], InvalidRequestError, "/variants/0/output/format", "not_allowed"),
        ([named("a", name="../{index}")], OutputNameError, "/variants/0/output/name", "output_conflict"),
        ([named("a", name="{who}")], OutputNameError, "/variants/0/output/name", "output_conflict"),
        ([named("a"), THUMB | {"pipeline": [{"name": "blur", "radius": 9999}]}],
         InvalidPipelineError, "/variants/1/pipeline/0/radius", "out_of_bounds"),
        ([THUMB | {"pipeline": [{"name": "blurr"}]}],
         UnknownFilterError, "/variants/0/pipeline/0/name", "unknown_filter"),
        ([THUMB | {"pipeline": [{"name": "auto_orient", "enabled": False}]}],
         InvalidRequestError, "/variants/0/pipeline/0", "not_allowed"),
    ],
)  # fmt: skip
def test_a_variant_that_can_not_be_made_is_refused_where_it_stands(
    raw: object, error: type[InvalidRequestError], pointer: str, code: str
) -> None:
    with pytest.raises(error) as caught:
        parse_variants(raw, Output())
    assert [(each.pointer, each.code) for each in caught.value.problems] == [(pointer, code)]


def test_the_problems_of_all_variants_are_told_at_once() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        variants(named("a", quality=0), {"name": "b", "pipeline": [{"name": "blurr"}]}, {"name": "C"})
    assert [each.pointer.split("/")[2] for each in caught.value.problems] == ["0", "1", "2"]


def test_a_name_of_variants_needs_variants() -> None:
    with pytest.raises(OutputNameError, match="variant"):
        parse_request({"source": SAMPLES, "pipeline": [], "output": {"name": "{index}-{variant}"}})


def test_two_items_that_would_share_a_name_are_both_named() -> None:
    with pytest.raises(OutputNameError, match=r"items 0 and 2 would both be written as 'CAT\.jpg'"):
        check_names(single("{stem}.{ext}"), ITEMS)
    check_names(single("{index}-{stem}.{ext}"), ITEMS)


def test_two_variants_that_would_share_a_name_are_both_named() -> None:
    pair = variants(named("a", format="auto"), named("b", format="webp"), name="{index}.{ext}")
    with pytest.raises(OutputNameError, match=r"variants 'a' and 'b' of item 0 .*'0\.webp'; add \{variant\}"):
        check_names(pair, ITEMS)
    check_names(variants(named("a"), named("b", format="webp"), name="{index}.{ext}"), ITEMS)
    check_names(variants(named("a"), named("b", folder="other"), name="{index}.{ext}"), ITEMS)


def test_of_items_that_are_listed_later_names_must_differ_whatever_they_are_called() -> None:
    assert are_unique(variants(THUMB, named("b")))
    assert are_unique(variants(named("a", folder="a"), named("b", folder="b"), name="{index}"))
    require_unique(variants(THUMB, named("b"), name="{variant}/{index}.{ext}"))
    for same in ("{index}.{ext}", "{stem}-{variant}.{ext}"):
        with pytest.raises(OutputNameError, match="listed later"):
            require_unique(variants(THUMB, named("b"), name=same))
    with pytest.raises(OutputNameError, match=r"\{variant\}"):
        require_unique(variants(named("a", name="{index}-x"), named("b", name="{index}-y")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("\u1e9b\u0323", "\u1e69"),  # a mark below and one above, in two orders
        ("\uac00", "\u1100\u1161"),
    ],
)
def test_names_that_some_file_system_takes_for_one_do_meet(one: str, other: str) -> None:
    items = [Item(0, f"/a/{one}.jpg"), Item(1, f"/b/{other}.jpg")]
    with pytest.raises(OutputNameError, match="items 0 and 1"):
        check_names(single("{stem}.{ext}"), items)
    check_names(single("{index}-{stem}.{ext}"), items)


def test_names_that_only_look_alike_do_not_meet() -> None:
    check_names(single("{stem}.{ext}"), [Item(0, "/a/\ufb01.jpg"), Item(1, "/a/f\u0131.jpg")])

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayjobs.errors import OutputNameError
from rayjobs.model.item import Item
from rayjobs.request import naming


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{index:06d}-{stem}.{ext}", "000007-cat.jpg"),
        ("{index}.{ext}", "7.jpg"),
        ("thumbs/{stem}.{ext}", "thumbs/cat.jpg"),
        ("{custom_id}.{ext}", "mine.jpg"),
        ("{{braces}}-{index:03}", "{braces}-007"),
    ],
)
def test_a_name_is_made_of_the_template_and_the_item(template: str, expected: str) -> None:
    naming.check_template(template)
    assert naming.name(template, Item(7, "/pictures/cat.png", "mine"), "jpg") == expected


@pytest.mark.parametrize(
    "template",
    [
        "../{index}", "/{index}", "a/../{index}", "a//{index}", "{index}/..", "{index}\\x", "{index}\0",
        "{index}:x", "{stem.__class__}", "{0}", "{}", "{nothing}", "{index!r}", "{index:999999d}",
        "{stem:>1000}", "{index", "..", "x" * 241 + "{index}",
    ],
)  # fmt: skip
def test_a_template_that_could_leave_its_folder_or_reach_elsewhere_is_refused(template: str) -> None:
    with pytest.raises(OutputNameError) as caught:
        naming.check_template(template)
    assert caught.value.problems[0].pointer == "/output/name"


@pytest.mark.parametrize(
    "template",
    [
        "{index:06d}-{stem}.{ext}", "{index}", "{stem}-{index}.{ext}", "{stem}/{index}.{ext}",
        "x{index}_{stem}", "{custom_id}-{index}-small.{ext}", "{index}/{stem}.{ext}",
    ],
)  # fmt: skip
def test_a_name_is_unique_by_an_index_that_is_told_from_the_rest(template: str) -> None:
    assert naming.is_unique(template)


@pytest.mark.parametrize(
    "template",
    ["{stem}.{ext}", "{index}{stem}", "{stem}{index}", "{stem}-{index}-{custom_id}", "{index}1{stem}"],
)
def test_an_index_that_may_be_taken_for_another_makes_no_name_unique(template: str) -> None:
    assert not naming.is_unique(template)


@given(st.text())
def test_any_source_gives_a_name_that_every_file_system_takes(stem: str) -> None:
    name = naming.name("{index}-{stem}.{ext}", Item(0, f"/x/{stem}.jpg"), "jpg")
    assert name.startswith("0-")
    assert not set(name) & set('\0<>:"/\\|?*\n')
    assert len(name.encode("utf-8", "replace")) <= naming.MAX_NAME_BYTES
    assert naming.name("{stem}", Item(0, stem), "jpg").strip(".") != ""


@pytest.mark.parametrize("stem", ["con", "NUL", "com1", "aux.tar", ".", "..", " ", ""])
def test_names_that_windows_keeps_for_itself_are_changed(stem: str) -> None:
    assert naming.safe(stem).startswith("_")

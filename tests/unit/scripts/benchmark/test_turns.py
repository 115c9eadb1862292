"""Turns and ratios: every tool has a turn in each round, and each round gives a ratio."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typing_extensions import override

from rayjobs.places import SAMPLES
from rayjobs_cli.benchmark import pillow_way
from rayjobs_cli.benchmark.jobs import JOBS, Job
from rayjobs_cli.benchmark.quality import Reference, check, psnr
from rayjobs_cli.benchmark.reference import exact
from rayjobs_cli.benchmark.tools import Tool, ToolFailedError
from rayjobs_cli.benchmark.turns import take_turns

THUMB = replace(JOBS[0], pictures=48)


class Scripted(Tool):
    """Takes the given seconds, and makes what plain Pillow makes."""

    def __init__(self, name: str, seconds: Iterable[float], turns: list[str], folder: Path) -> None:
        self.name = name
        self._seconds = iter(seconds)
        self._turns = turns
        self._folder = folder / name
        self._folder.mkdir()
        self.counts: list[int] = []

    @override
    def __exit__(self, *_: object) -> None:
        pass

    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        self._turns.append(self.name)
        self.counts.append(len(pictures))
        for index, path in enumerate(pictures[:6]):
            with Image.open(path) as image:
                image.load()
                pillow_way.write(job.pipeline.name, image, self._folder / f"{index}.jpg")
        return next(self._seconds)

    @override
    def outputs(self, first: int) -> list[Path]:
        return [self._folder / f"{index % 6}.jpg" for index in range(first)]

    @override
    def pids(self) -> Iterable[int]:
        return ()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    found = []
    for index in range(3):
        found.append(tmp_path / f"{index}.jpg")
        Image.effect_noise((640, 480), 40 + index).convert("RGB").save(found[-1], quality=90)
    return found


def test_every_tool_has_its_turn_in_each_round(tmp_path: Path, pictures: list[Path]) -> None:
    turns: list[str] = []
    tools = [Scripted(name, [1.0] * 3, turns, tmp_path) for name in ("ours", "theirs")]

    take_turns(THUMB, pictures, tools, 2, lambda _: None)

    assert turns == ["ours", "theirs"] * 3


def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_times(
    tmp_path: Path, pictures: list[Path]
) -> None:
    warm = 9.0
    ours = Scripted("ours", [warm, 1.0, 2.0, 4.0], [], tmp_path)
    theirs = Scripted("theirs", [warm, 2.0, 4.0, 2.0], [], tmp_path)

    rows = take_turns(THUMB, pictures, [ours, theirs], 3, lambda _: None)

    assert [(row.tool, row.ratio) for row in rows] == [("ours", 1.0), ("theirs", 2.0)]
    assert rows[0].images_per_s == THUMB.pictures / 2.0


class Broken(Scripted):
    @override
    def run(self, job: Job, pictures: Sequence[Path]) -> float:
        raise ToolFailedError("no disk")


def test_a_tool_that_fails_is_told_of_and_counts_for_nothing(tmp_path: Path, pictures: list[Path]) -> None:
    tools = [Scripted("ours", [1.0] * 2, [], tmp_path), Broken("broken", [], [], tmp_path)]
    said: list[str] = []

    rows = take_turns(THUMB, pictures, tools, 1, said.append)

    assert [row.tool for row in rows] == ["ours"]
    assert said[0] == "thumb-S: broken is left out: no disk"


def test_a_tool_that_is_much_slower_runs_fewer_pictures_and_its_ratio_is_that_of_speeds(
    tmp_path: Path, pictures: list[Path]
) -> None:
    ours = Scripted("ours", [1.0, 1.0], [], tmp_path)
    slow = Scripted("slow", [8.0, 4.0], [], tmp_path)

    rows = take_turns(THUMB, pictures, [ours, slow], 1, lambda _: None)

    assert (ours.counts, slow.counts) == ([12, 48], [12, 24])
    assert [row.ratio for row in rows] == [1.0, 8.0]


def test_quality_is_told_against_exact_numbers_and_for_pictures_of_the_right_size_alone(
    tmp_path: Path, pictures: list[Path]
) -> None:
    same, other = tmp_path / "same.jpg", tmp_path / "other.jpg"
    with Image.open(pictures[0]) as image:
        image.load()
        exact("thumb", image).save(same, quality=85)
    with Image.open(same) as image:
        image.resize((12, 12)).save(other)

    reference = Reference(THUMB, pictures[:1])

    assert reference.db([same]) == 99.0
    with pytest.raises(ToolFailedError, match=r"not \(512, 384\)"):
        reference.db([other])
    other.write_text("no picture", encoding="utf-8")
    with pytest.raises(ToolFailedError, match="no picture"):
        check([other])


@pytest.mark.parametrize("name", ["thumb", "edit"])
def test_exact_numbers_are_about_what_pillow_makes(name: str, tmp_path: Path) -> None:
    with Image.open(SAMPLES / "brushes_640x480.jpg") as image:
        small = image.convert("RGB").resize((400, 300))
    made = tmp_path / "made.png"
    pillow_way.WAYS[name].run(small.copy()).save(made)

    with Image.open(made) as theirs:
        ours = exact(name, small)
        assert ours.size == theirs.size
        upper = (0, 0, ours.width, int(ours.height * 0.9))
        assert psnr(ours.crop(upper), theirs.crop(upper)) > 40


def test_psnr_is_that_of_the_textbook() -> None:
    black, gray = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (255, 255, 255))

    assert psnr(black, gray) == pytest.approx(0.0)
    assert psnr(black, black) == 99.0
    assert psnr(black, Image.new("RGB", (8, 8), (1, 1, 1))) == pytest.approx(48.13, abs=0.01)

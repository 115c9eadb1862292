"""Peers: programs that read and write lines; a peer that can't run here is reported and left out."""

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from rayjobs_cli.benchmark.jobs import JOBS
from rayjobs_cli.benchmark.peers import provision, roster
from rayjobs_cli.benchmark.peers.program import Program
from rayjobs_cli.benchmark.peers.provision import AbsentError
from rayjobs_cli.benchmark.tools import ToolFailedError

THUMB, HEAVY, EDIT = JOBS[0], JOBS[2], JOBS[4]
HEAD = """
import sys
from contextlib import contextmanager
from rayjobs_cli.benchmark.peers.serving import serve
@contextmanager
def started():
    print("a banner that is no answer")
    yield {}
serve(started())
"""


def program(tmp_path: Path, work: str) -> Program:
    return Program("peer", (sys.executable, "-c", HEAD.format(work)), tmp_path, ("thumb",))


def test_a_program_is_told_of_each_run_and_may_print_what_it_likes(tmp_path: Path) -> None:
    work = "lambda run: [open(to, 'w').write(run.pipeline) for chunk in run.chunks() for _, to in chunk]"
    with program(tmp_path, work) as peer:
        seconds = [peer.run(THUMB, [Path("a.jpg")] * 9) for _ in range(2)]
        told = [path.read_text(encoding="utf-8") for path in peer.outputs(9)]

    assert min(seconds) > 0
    assert told == ["thumb"] * 9
    assert "a banner" in peer.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("work", "said"),
    [("lambda run: 1 / 0", "ZeroDivisionError"), ("lambda run: sys.exit(3)", r"it has ended.*peer\.log")],
)
def test_what_a_program_stumbles_over_is_its_error(work: str, said: str, tmp_path: Path) -> None:
    with program(tmp_path, work) as peer, pytest.raises(ToolFailedError, match=said):
        peer.run(THUMB, [Path("a.jpg")])


def test_a_peer_that_can_not_be_had_is_left_out_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(roster.PEERS, "dask", lambda _: program(tmp_path, "1 / 0"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    said: list[str] = []

    with ExitStack() as entered:
        place = roster.Place(tmp_path, tmp_path, 2)
        assert roster.start(("dask", "sharp", "imagemagick"), place, entered, said.append) == []

    left_out = [line for line in said if "left out" in line]
    assert left_out[0].startswith("dask is left out: it does not start")
    assert left_out[1:] == [
        "sharp is left out: there is no node, or no npm",
        "imagemagick is left out: there is no mogrify",
    ]


def test_a_mogrify_that_is_not_imagemagicks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: sys.executable)
    with pytest.raises(AbsentError, match="is not ImageMagick's"):
        provision.mogrify()


def test_the_pyvips_peer_does_every_pipeline(tmp_path: Path) -> None:
    picture = tmp_path / "in.jpg"
    Image.radial_gradient("L").resize((400, 300)).convert("RGB").save(picture)
    sizes = {}
    with ExitStack() as entered:
        (peer,) = roster.start(("pyvips",), roster.Place(tmp_path, tmp_path, 1), entered, lambda _: None)
        for job in (THUMB, HEAVY, EDIT):
            peer.run(job, [picture])
            with Image.open(peer.outputs(1)[0]) as image:
                sizes[job.pipeline.name] = image.size, image.format

    assert sizes == {
        "thumb": ((400, 300), "JPEG"),
        "heavy": ((2048, 2048), "JPEG"),
        "edit": ((1600, 1200), "WEBP"),
    }

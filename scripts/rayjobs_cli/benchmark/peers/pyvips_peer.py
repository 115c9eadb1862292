"""A pool of processes with a script on pyvips, as its documentation would have it; one thread each."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyvips

from rayjobs_cli.benchmark.peers.serving import Pair, Run, Work, processes, serve
from rayjobs_cli.benchmark.pillow_way import CROP, EDITED_WIDTH, TEXT, TEXT_AWAY, TEXT_SIZE

_SMOOTHED = [[-1, -1, -1], [-1, 21, -1], [-1, -1, -1]]
"""Pillow's sharpness of 2 as one kernel, divided by 13."""
_THRESHOLD = 3
"""In levels, 0 to 255."""
_EDGES = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]


def thumb(picture: str, output: str) -> None:
    """Fit into 512 px; the loader shrinks, and turns upright."""
    pyvips.Image.thumbnail(picture, 512, height=512, size="down").jpegsave(output, Q=85)


def heavy(picture: str, output: str) -> None:
    """Resize, blur, sharpen, find edges."""
    image = pyvips.Image.thumbnail(picture, 2048, height=2048, size="force")
    sharp = image.gaussblur(5.0).conv(pyvips.Image.new_from_array(_SMOOTHED, scale=13))
    sharp.conv(pyvips.Image.new_from_array(_EDGES)).cast("uchar").jpegsave(output, Q=85)


def edit(picture: str, output: str) -> None:
    """Cut, resize, sharpen, make vivid, write on it."""
    image = pyvips.Image.new_from_file(picture).autorot()
    width, height = min(CROP[0], image.width), min(CROP[1], image.height)
    cut = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
    small = cut.resize(EDITED_WIDTH / width, kernel="lanczos3").copy_memory()
    differs = small - small.gaussblur(2.0)
    sharp = (differs.abs() > _THRESHOLD).ifthenelse((small + differs * 1.5).cast("uchar"), small)
    luma = (0.299, 0.587, 0.114)
    matrix = [[1.2 * (row == column) - 0.2 * luma[column] for column in range(3)] for row in range(3)]
    vivid = sharp.recomb(matrix).cast("uchar").copy(interpretation="srgb")
    letters = pyvips.Image.text(TEXT, font=f"Sans {TEXT_SIZE}", dpi=72)
    white = letters.new_from_image([255, 255, 255]).copy(interpretation="srgb").bandjoin(letters)
    at = vivid.width - TEXT_AWAY - letters.width, vivid.height - TEXT_AWAY - letters.height
    vivid.composite2(white, "over", x=at[0], y=at[1]).flatten().webpsave(output, Q=80, effort=4)


_WAYS = {"thumb": thumb, "heavy": heavy, "edit": edit}


def one(pipeline: str, pair: Pair) -> None:
    """Run one picture through pyvips."""
    _WAYS[pipeline](*pair)


@contextmanager
def started() -> Iterator[Work]:
    """Start the pool of processes."""
    os.environ["VIPS_CONCURRENCY"] = "1"
    with multiprocessing.get_context("spawn").Pool(processes()) as pool:

        def work(run: Run) -> None:
            for _ in pool.imap_unordered(partial(one, run.pipeline), run.pairs, run.chunk_size):
                pass

        yield work


if __name__ == "__main__":
    serve(started())

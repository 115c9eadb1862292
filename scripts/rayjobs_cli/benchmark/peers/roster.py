"""Starts every peer by its name."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rayjobs_cli.benchmark.peers import provision
from rayjobs_cli.benchmark.peers.imagemagick import ImageMagick
from rayjobs_cli.benchmark.peers.program import Program
from rayjobs_cli.benchmark.peers.provision import AbsentError
from rayjobs_cli.benchmark.pillow_way import WAYS
from rayjobs_cli.benchmark.tools import Tool
from rayjobs_cli.console import Say

_HERE = Path(__file__).parent
_ALL = tuple(WAYS)


@dataclass(frozen=True)
class Place:
    """The folders of the peers, and their processes.

    Attributes:
        environments: Folder of their environments.
        outputs: Folder of their outputs.
        processes: Of each peer.
    """

    environments: Path
    outputs: Path
    processes: int


def start(names: Sequence[str], place: Place, entered: ExitStack, say: Say) -> list[Tool]:
    """Start peers; a peer that can't run here is reported and left out."""
    found = []
    for name in names:
        say(f"{name}: preparing it ...")
        try:
            found.append(entered.enter_context(PEERS[name](place)))
        except AbsentError as error:
            say(f"{name} is left out: {error}")
    return found


def _sharp(place: Place) -> Tool:
    node, folder = provision.node_modules(place.environments)
    command = node, str(_HERE / "sharp_peer.mjs"), str(place.processes)
    return Program("sharp", command, place.outputs, _ALL, folder)


def _pyvips(place: Place) -> Tool:
    return Program("pyvips", _module("pyvips_peer", Path(sys.executable), place), place.outputs, _ALL)


def _imagemagick(place: Place) -> Tool:
    return ImageMagick(provision.mogrify(), place.processes, place.outputs)


def _thumbor(place: Place) -> Tool:
    # thumbor has no filter for text, and none for a kernel on a resized picture.
    return _python("thumbor", "thumbor_peer", place, ("thumb",))


def _celery(place: Place) -> Tool:
    return _python("celery", "celery_peer", place)


def _dask(place: Place) -> Tool:
    return _python("dask", "dask_peer", place)


def _ray_data(place: Place) -> Tool:
    return _python("ray-data", "ray_data_peer", place)


def _python(name: str, module: str, place: Place, pipelines: tuple[str, ...] = _ALL) -> Tool:
    python = provision.python(name, place.environments)
    return Program(name, _module(module, python, place), place.outputs, pipelines)


def _module(name: str, python: Path, place: Place) -> tuple[str, ...]:
    return str(python), "-m", f"{__package__}.{name}", str(place.processes)


PEERS: dict[str, Callable[[Place], Tool]] = {
    "sharp": _sharp,
    "pyvips": _pyvips,
    "imagemagick": _imagemagick,
    "thumbor": _thumbor,
    "celery": _celery,
    "dask": _dask,
    "ray-data": _ray_data,
}
"""Name of a peer -> the function that starts it."""

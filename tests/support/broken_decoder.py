"""Breaks the decoder of the engine process that imports it, for pictures that ask for it.

Or its encoder of WebP, so that what is broken is one of several variants.
Such a picture is a whole and good one, with a line behind its end that any other decoder passes over:
so a clean run gives the output that the broken one has to be compared with.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rayjobs.codec import Encoding
from rayjobs.engine import rendering

HOOK = {"RAYJOBS_ENGINE_HOOK": __name__}
_MARK = b"\nBREAK "


def broken(picture: bytes, how: str) -> bytes:
    """Return a picture that crashes, hangs, aborts, eats MiB (`eat 500`) or takes seconds (`wait 0.5`).

    With `webp` before it (`webp crash`), that happens when the picture is written as one.
    """
    return picture + _MARK + how.encode()


def _crash() -> None:
    ctypes.string_at(0)


def _hang() -> None:
    threading.Event().wait()


def _abort() -> None:
    os.write(2, b"GLib-ERROR **: failed to allocate 123456789 bytes\n")
    os.abort()


def _eat(mebibytes: str) -> None:
    # Address space is what is limited; to touch every page of it would take seconds of a busy machine.
    np.empty(int(mebibytes) << 20, np.uint8)


def _wait(seconds: str) -> None:
    threading.Event().wait(float(seconds))


_WAYS: dict[str, Callable[..., None]] = {
    "crash": _crash,
    "hang": _hang,
    "abort": _abort,
    "eat": _eat,
    "wait": _wait,
}
_decode: Callable[..., Any] = vars(rendering)["decode"]
_encode: Callable[..., Any] = vars(rendering)["encode"]
_webps: list[Callable[[], None]] = []
"""What befalls the encoder of WebP."""


def _breaking(data: bytes, *args: Any, **options: Any) -> Any:
    picture, mark, how = data.partition(_MARK)
    if mark:
        way, *more = how.decode().split()
        if way == "webp":
            _webps.append(partial(_WAYS[more[0]], *more[1:]))
        else:
            _WAYS[way](*more)
    return _decode(picture, *args, **options)


def _breaking_webp(image: Any, encoding: Encoding, *args: Any) -> Any:
    if _webps and encoding.format == "webp":
        _webps.pop()()
    return _encode(image, encoding, *args)


if os.environ.get("RAYJOBS_ENGINE_HOOK") == __name__:
    vars(rendering).update(decode=_breaking, encode=_breaking_webp)

"""A picture that ends the process that decodes it: what `demo.py --chaos` feeds among good ones.

It is whole and good but for a mark behind its end. The engine process imports this module where
`RAYJOBS_ENGINE_HOOK` names it, and dies of such a picture as it would of a fault in a decoder.
"""

import ctypes
import os
from collections.abc import Callable
from typing import Any

from rayjobs.engine import rendering

HOOK = {"RAYJOBS_ENGINE_HOOK": __name__}
_MARK = b"\nPOISON"
_decode: Callable[..., Any] = vars(rendering)["decode"]


def poisoned(picture: bytes) -> bytes:
    """Return a picture that kills."""
    return picture + _MARK


def _dying(data: bytes, *args: object, **options: object) -> object:
    if data.endswith(_MARK):
        ctypes.string_at(0)  # an address that nobody has
    return _decode(data, *args, **options)


if os.environ.get("RAYJOBS_ENGINE_HOOK") == __name__:
    vars(rendering)["decode"] = _dying

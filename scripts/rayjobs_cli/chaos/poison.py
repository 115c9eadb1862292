"""Makes a picture that kills the process that decodes it; `demo.py --chaos` puts one among good pictures.

The picture is whole and good; only a mark follows its end. `RAYJOBS_ENGINE_HOOK` makes an engine process
import this module; a picture with the mark then kills the process as a fault in a decoder would.
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
    """Return a picture that kills its decoder."""
    return picture + _MARK


def _dying(data: bytes, *args: object, **options: object) -> object:
    if data.endswith(_MARK):
        ctypes.string_at(0)  # address 0 is mapped in no process: SIGSEGV
    return _decode(data, *args, **options)


if os.environ.get("RAYJOBS_ENGINE_HOOK") == __name__:
    vars(rendering)["decode"] = _dying

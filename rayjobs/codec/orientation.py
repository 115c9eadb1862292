"""Turns a stored picture upright, by its EXIF orientation."""

import pyvips

_TURNS: dict[int, tuple[str, ...]] = {
    2: ("fliphor",),
    3: ("rot180",),
    4: ("flipver",),
    5: ("rot90", "fliphor"),
    6: ("rot90",),
    7: ("rot270", "fliphor"),
    8: ("rot270",),
}
"""EXIF orientation: the operations that turn the picture upright. Source: CIPA DC-008 (Exif 2.32), table
6."""


def upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """Return the picture upright; lazy. `orientation` is EXIF's, 2 to 8."""
    for turn in _TURNS[orientation]:
        image = getattr(image, turn)()
    return image

"""Smooth curves through points: a curve rises where the points rise, and never overshoots."""

from itertools import pairwise
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

Value = Annotated[int, Field(ge=0, le=255)]
Point = Annotated[tuple[Value, Value], Field(strict=False)]


def _rising(points: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    if any(second[0] <= first[0] for first, second in pairwise(points)):
        raise PydanticCustomError("curve", "the first numbers of the points must rise")
    return points


Curve = Annotated[
    tuple[Point, ...], Field(strict=False, min_length=2, max_length=16), AfterValidator(_rising)
]
"""2 to 16 points (from, to); people set no more by hand."""

Values = npt.NDArray[np.float64]


def through_points(points: tuple[tuple[int, int], ...], at: Values | None = None) -> Values:
    """Return the values of the curve at each of 0 to 255, or at `at`.

    A straight line joins two points; cubics join more, with the slopes of Fritsch and Butland.
    Source: "A method for constructing local monotone piecewise cubic interpolants", SIAM J. Sci. Stat.
    Comput. 5 (1984), as in SciPy's `PchipInterpolator`.
    """
    x, y = np.array(points, dtype=np.float64).T
    wanted = (np.arange(256.0) if at is None else at).clip(x[0], x[-1])
    widths, slopes = np.diff(x), np.diff(y) / np.diff(x)
    tangents = np.empty_like(x)
    tangents[1:-1] = _middle(widths, slopes)
    tangents[0], tangents[-1] = slopes[0], slopes[-1]
    index = np.searchsorted(x, wanted, side="right").clip(1, len(x) - 1) - 1
    width = widths[index]
    part = (wanted - x[index]) / width
    values: Values = (
        y[index] * (1 + 2 * part) * (1 - part) ** 2
        + tangents[index] * width * part * (1 - part) ** 2
        + y[index + 1] * part**2 * (3 - 2 * part)
        + tangents[index + 1] * width * part**2 * (part - 1)
    )
    return values


def _middle(widths: Values, slopes: Values) -> Values:
    """Return the slopes at the inner points: 0 at an extreme, else a weighted harmonic mean."""
    before, after = slopes[:-1], slopes[1:]
    first, second = 2 * widths[1:] + widths[:-1], widths[1:] + 2 * widths[:-1]
    same = before * after > 0
    safe_before, safe_after = np.where(same, before, 1), np.where(same, after, 1)
    return np.where(same, (first + second) / (first / safe_before + second / safe_after), 0)

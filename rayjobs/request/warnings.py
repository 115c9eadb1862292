"""What may be said of a pipeline that runs, but costs or does more than its author may think."""

from collections.abc import Iterator

from rayjobs.errors import Problem
from rayjobs.filters.base import Analysis, Filter
from rayjobs.filters.geometry import AutoOrient
from rayjobs.filters.scale import Resize, Thumbnail
from rayjobs.filters.stylize import Posterize, Threshold
from rayjobs.filters.tone import Grayscale
from rayjobs.request.pipeline import Pipeline

_COLOURLESS = (Grayscale, Threshold)
"""After them there is one band."""

_NEEDS_COLOUR = {"saturation", "hue", "channel_mixer"}
"""Filters that do nothing to a gray picture, or have nothing to choose from."""

_HARD_STEPS = (Posterize, Threshold)
"""Filters whose few values a change of size would make many again."""


def warnings_of(
    pipeline: Pipeline, pointer: str = "/pipeline", behind: tuple[Filter, ...] = ()
) -> list[Problem]:
    """Return what its author should know, in the order of the filters; nothing of it is an error.

    Args:
        pipeline: As it would run.
        pointer: JSON pointer of the pipeline in the request's body.
        behind: Filters that have run before it.
    """
    return [
        Problem(f"{pointer}/{at}", code, text)
        for at, each in enumerate(pipeline.filters)
        for code, text in _said_of(each, behind + pipeline.filters[:at])
    ]


def _said_of(each: Filter, before: tuple[Filter, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(each, AutoOrient) and before:
        yield "no_effect", "orientation is a matter of the first filter; here this one does nothing"
    if each.name in _NEEDS_COLOUR and any(isinstance(one, _COLOURLESS) for one in before):
        yield "no_effect", f"the picture is gray by now; {each.name} finds no colour to change"
    if isinstance(each, Resize | Thumbnail):
        yield from _said_of_size(each, before)


def _said_of_size(each: Filter, before: tuple[Filter, ...]) -> Iterator[tuple[str, str]]:
    if slow := next((one for one in before if one.mixes and not isinstance(one, Resize | Thumbnail)), None):
        text = f"{slow.name} works on the picture's full size before; {each.name} first is quicker"
        yield "resize_late", f"{text} (its lengths in px then count on the smaller picture)"
    elif any(not isinstance(one, Analysis | AutoOrient | Resize | Thumbnail) for one in before):
        yield "resize_late", f"{each.name} as the first filter lets the decoder do less"
    if any(isinstance(one, Resize | Thumbnail) for one in before):
        yield "resize_twice", "the picture is brought to a size twice; once is quicker, and sharper"
    if hard := next((one for one in before if isinstance(one, _HARD_STEPS)), None):
        yield "values_mixed", f"the few values of {hard.name} become many by {each.name}; put it first"

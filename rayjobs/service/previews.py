"""One item of what would be a batch, rendered at once and shown: nothing of it stays."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from rayjobs.codec import FORMATS
from rayjobs.errors import ITEM_ERRORS, ConflictError, NotFoundError
from rayjobs.model.item import Item, Outcome
from rayjobs.request.sources import Sources
from rayjobs.request.spec import parse_request
from rayjobs.service.render_pool import RenderPool
from rayjobs.service.submissions import Submissions

MAX_INDEX = 99_999
"""Of the item to show: a folder is listed that far while the client waits."""


@dataclass(frozen=True)
class Preview:
    """A picture that is shown; whoever gets it closes `file`."""

    source: str
    outcome: Outcome
    output: dict[str, Any]
    """What `outcome` says of the file."""
    file: BinaryIO
    size_bytes: int
    warnings: list[dict[str, Any]]

    @property
    def media_type(self) -> str:
        """Of the file."""
        return FORMATS[self.output["format"]].media_type

    def as_json(self) -> dict[str, Any]:
        """Return all that is known of it, without the picture and what tells where it was for a moment."""
        said = self.outcome.as_json()
        output = {key: value for key, value in self.output.items() if key not in ("uri", "name")}
        known = {key: said[key] for key in ("duration_ms", "input", "analysis") if key in said}
        return {"source": self.source, "output": output, "warnings": self.warnings} | known


class Previews:
    """Renders previews; safe to be asked from several threads."""

    def __init__(self, intake: Submissions, sources: Sources, tryouts: RenderPool) -> None:
        self._intake = intake
        self._sources = sources
        self._tryouts = tryouts

    def render(self, body: Mapping[str, Any], index: int = 0, variant: str | None = None) -> Preview:
        """Return what a batch of this body would make of its item `index`; one of its variants by the name.

        Raises:
            RequestError: `Submissions.submit` refuses the body, or there is no such item or variant.
            ItemError: The picture fails, and how.
            PreviewsBusyError: As many as may are rendered at this moment.
            BackendError: Another thing of ours is away.
        """
        plan = self._intake.plan(body)
        variant = _checked(variant, [each["name"] for each in plan.get("variants", ())])
        item = self._item(body, index)
        with self._tryouts.desk() as desk:
            outcome, _ = desk.carry_out(plan, item)
            if outcome.error is not None:
                error = outcome.error
                raise ITEM_ERRORS[error.code](error.detail, limit=error.limit, actual=error.actual)
            output = (outcome.outputs or {"": outcome.output or {}})[variant]
            file = desk.open(output)
        if file is None:
            raise ConflictError("the preview was removed before it was read")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return Preview(item.source, outcome, output, file, size, plan["warnings"])

    def _item(self, body: Mapping[str, Any], index: int) -> Item:
        form, _ = parse_request(self._intake.presets.resolved(body))
        for item in islice(self._sources.items(form.source), index, index + 1):
            return item
        raise NotFoundError(f"the source has no item {index}")


def _checked(variant: str | None, names: Sequence[str]) -> str:
    """Return the variant to show: the first where none is named, "" where the picture has but one file."""
    if variant is None:
        return next(iter(names), "")
    if variant not in names:
        known = f"there are {', '.join(names)}" if names else "the request has none"
        raise NotFoundError(f"there is no variant {variant!r}; {known}")
    return variant

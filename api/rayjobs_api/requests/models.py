"""Models of queries, paths, headers and small bodies; `forms` has the bodies for a batch."""

import re
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Header, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rayjobs.errors import ITEM_ERRORS
from rayjobs.model.batch import State
from rayjobs.request.presets import PresetName
from rayjobs.service.estimates import MAX_SAMPLE
from rayjobs.service.previews import MAX_INDEX
from rayjobs.service.queries import CURSOR
from rayjobs.settings import WORKER_ID

MAX_PAGE = 1000

if TYPE_CHECKING:
    ItemCode = str
else:
    ItemCode = Literal[tuple(ITEM_ERRORS)]
    """Why an item failed: a code of the error tree."""

ItemState = Literal["pending", "running", "succeeded", "cached", "skipped", "failed", "cancelled"]

_EVENT_ID = r"^([0-9]{1,19}(-[0-9]{1,19})?)?$"
"""Of the registry: in Redis ms and a number within it; nothing at all is the start."""
_BATCH_ID = r"^b_[0-9a-z]{1,64}$"


def _digits(text: str) -> int:
    """Return the number of plain digits; int() would also accept `+1`, ` 1` and `1_0`."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text):
        raise ValueError("not a number of an item")
    return int(text)


BatchId = Annotated[str, Path(pattern=_BATCH_ID, examples=["b_01jd3v8c6m0t5w2xkq7r"])]
Index = Annotated[int, BeforeValidator(_digits), Path(ge=0)]
PresetKey = Annotated[PresetName, Path(examples=["web"])]
WorkerId = Annotated[str, Path(pattern=WORKER_ID, examples=["local"])]
LastEventId = Annotated[str | None, Header(pattern=_EVENT_ID)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class BatchesQuery(_Query):
    """Which batches to list."""

    state: State | None = None
    label: str | None = Field(None, pattern=r"^[^:]+:", examples=["who:docs"])
    """`name:value`."""
    cursor: str | None = Field(None, pattern=_BATCH_ID)
    """`next` of the previous page."""
    limit: int = Field(50, ge=1, le=MAX_PAGE)

    @property
    def name_and_value(self) -> tuple[str, str] | None:
        """The name and the value of the label."""
        name, _, value = (self.label or "").partition(":")
        return (name, value) if name else None


class ItemsQuery(_Query):
    """Which items of a batch to list."""

    state: ItemState | None = None
    code: ItemCode | None = None
    cursor: str | None = Field(None, pattern=CURSOR)
    """`next` of the previous page."""
    limit: int = Field(100, ge=1, le=MAX_PAGE)


class OutputQuery(_Query):
    """Which picture of an item to get."""

    variant: str | None = None
    """Name of a variant, if the batch has variants."""


class PresetQuery(_Query):
    """Which version of a preset to show."""

    version: int | None = Field(None, ge=1)
    """The latest by default."""


class PreviewQuery(OutputQuery):
    """Which picture to show."""

    index: int = Field(0, ge=0, le=MAX_INDEX)
    """Index of the item in the request's source."""


class SubmitQuery(_Query):
    """Options of a submission: dry run and sample."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["sample"]},
            "then": {"required": ["dry_run"], "properties": {"dry_run": {"const": True}}},
        }
    )

    dry_run: bool = False
    """Show what would run, and store nothing."""
    sample: int | None = Field(None, ge=1, le=MAX_SAMPLE)
    """Only with a dry run: run this number of items, and estimate the bytes and the time of all items."""

    @model_validator(mode="after")
    def _of_a_dry_run(self) -> "SubmitQuery":
        if self.sample is not None and not self.dry_run:
            raise ValueError("sample goes with dry_run=true")
        return self


class EventsQuery(_Query):
    """After which event to resume."""

    last_event_id: str | None = Field(None, pattern=_EVENT_ID)
    """For clients that can't send the header `Last-Event-ID`."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class RetryForm(_Form):
    """Which failed items run again."""

    codes: list[ItemCode] | None = Field(None, min_length=1)
    """Only items that failed with one of these codes; all failed items by default."""


class PurgeForm(_Form):
    """How a purge treats unfinished batches."""

    running: Literal["cancel", "refuse"] = "refuse"
    """`refuse` answers 409 if a batch is unfinished, so that a purge by default destroys no work."""

"""The forms of the record's files and of presets, and the one place that reads them.

Whatever was put back from a backup, left by another version, cut off or edited is found out here, by the
name of its file and with what to do about it; the rest of the program takes for granted what it is given.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from rayjobs.errors import RecordUnreadableError
from rayjobs.model.batch import State
from rayjobs.model.item import Ending

SCHEMA = 1
"""Version of the record's form; a reader refuses a newer one."""

_Count = Annotated[int, Field(ge=0)]
_Tallied = dict[str, _Count]
_Span = Annotated[list[_Count], Field(min_length=2, max_length=2)]
"""The first item of a range and how many they are."""
_open = with_config(ConfigDict(extra="allow", strict=True))
"""What is not relied on may be there, and is handed on."""


@_open
class _Document(TypedDict):
    source: dict[str, Any]
    output: dict[str, Any]
    priority: int
    max_attempts: int
    deadline_s: float | None
    max_failed_ratio: float | None
    labels: dict[str, str]


@_open
class _Spec(TypedDict):
    schema_version: int
    document: _Document
    created_ms: int
    key: str | None
    body_hash: str


@_open
class _Sealed(TypedDict):
    total: _Count
    error: dict[str, Any] | None
    remarks: NotRequired[dict[str, Any]]


@_open
class _Closed(TypedDict):
    schema_version: int
    retries: _Count
    state: Literal["succeeded", "partial", "failed", "cancelled", "expired"]
    cause: str | None
    counts: _Tallied
    errors_by_code: _Tallied
    unrun: NotRequired[list[_Span]]
    """Absent where an older version wrote it."""
    purge: NotRequired[str]
    """Which purge has ended it."""
    error: dict[str, Any] | None
    started_ms: int | None
    ran_ms: NotRequired[int]
    finished_ms: int


@_open
class _Item(TypedDict):
    source: str
    custom_id: NotRequired[str | None]
    exists: NotRequired[list[str]]


@_open
class _Head(TypedDict):
    schema_version: int
    counts: _Tallied
    errors: _Tallied
    again: list[Annotated[list[_Count], Field(min_length=3, max_length=3)]]
    busy_ms: float


@_open
class _Error(TypedDict):
    code: str


@_open
class _Outcome(TypedDict):
    index: _Count
    state: Ending
    error: NotRequired[_Error]


@_open
class _Move(TypedDict):
    id: Annotated[str, Field(pattern=r"^\d+-\d+$")]
    batch_id: str
    at_ms: int
    state: Annotated[State, Field(strict=False)]
    cause: str
    actor: str


@_open
class _Retry(TypedDict):
    token: int
    ranges: list[_Span]


@_open
class _Key(TypedDict):
    id: str
    at_ms: int


@_open
class _Heir(TypedDict):
    heir: str
    at_ms: int


@_open
class _Purge(TypedDict):
    schema_version: int
    id: NotRequired[str]
    """Absent where an older version wrote it."""
    run_id: str
    batches: list[str]
    at_ms: int
    actor: str


@_open
class _Treatment(TypedDict):
    pipeline: NotRequired[list[dict[str, Any]]]
    variants: NotRequired[list[dict[str, Any]]]
    input: NotRequired[dict[str, Any]]
    output: NotRequired[dict[str, Any]]


@_open
class _Preset(TypedDict):
    created_ms: int
    body: _Treatment


@dataclass(frozen=True)
class FileSchema:
    """What a kind of file must hold."""

    shape: TypeAdapter[Any]
    remedy: str
    """What a person can do about one that does not."""

    def read(self, key: str, data: bytes) -> Any:  # noqa: ANN401 - plain data, as the shape says
        """Return what a file, or a line of it, holds.

        Raises:
            RecordUnreadableError: It is not JSON, of a newer version, or something in it is missing or wrong.
        """
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            what = "it is empty" if not data.strip() else f"it is not whole JSON: {error}"
            raise self.wrong(key, what) from error
        version = found.get("schema_version") if isinstance(found, dict) else None
        if isinstance(version, int) and version > SCHEMA:
            what = f"it was written by a newer version, form {version}; this one reads up to {SCHEMA}"
            detail = f"{key}: {what}; run the newer version again"
            raise RecordUnreadableError(detail, limit=SCHEMA, actual=version)
        try:
            return self.shape.validate_python(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = "/".join(str(step) for step in first["loc"]) or "the whole of it"
            raise self.wrong(key, f"{where}: {first['msg']}") from error

    def wrong(self, key: str, what: str) -> RecordUnreadableError:
        """Return the error that names the file, what is wrong with it, and what to do."""
        return RecordUnreadableError(f"{key}: {what}; {self.remedy}")


_BACKUP = "put it back from a backup"
SPEC = FileSchema(TypeAdapter(_Spec), f"{_BACKUP}, or remove the batch's folder under record/")
SEALED = FileSchema(
    TypeAdapter(_Sealed), 'write {"total": N, "error": null} into it, with the number of the batch\'s items'
)
CLOSED = FileSchema(
    TypeAdapter(_Closed),
    f"{_BACKUP}, or remove it and write 0 into open/<batch>: the batch goes on from its commit files",
)
ITEM = FileSchema(TypeAdapter(_Item), f"{_BACKUP}, then resume the batch if it is paused")
HEAD = FileSchema(TypeAdapter(_Head), f"{_BACKUP}, or remove it: its items count as not done")
OUTCOME = FileSchema(TypeAdapter(_Outcome), HEAD.remedy)
RETRY = FileSchema(
    TypeAdapter(_Retry | list[_Span]),  # a list where an older version wrote it
    f"{_BACKUP}, or remove it: its items keep what they had before",
)
MOVE = FileSchema(TypeAdapter(_Move), f"{_BACKUP}, or remove it: the batch's log lacks what it told")
KEY = FileSchema(TypeAdapter(_Key), "remove it: the key is free again")
HEIR = FileSchema(TypeAdapter(_Heir), "remove it: the key is free again")
MARK = FileSchema(TypeAdapter(int), "remove it if the batch has ended")
PURGE = FileSchema(TypeAdapter(_Purge), "remove it, or purge once more; until then nothing is restored")
PRESET = FileSchema(TypeAdapter(_Preset), "put the preset once more, or remove the file")

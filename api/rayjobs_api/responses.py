"""Answers, as the OpenAPI document shows them.

They are written by the core and sent as they are; that they have these forms is for the tests to see.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rayjobs.model.batch import State
from rayjobs_api.requests.models import ItemState


class Answer(BaseModel):
    """What every answer is: all of its fields are told of here."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CountsAnswer(Answer):
    """Where a batch's items are; the parts sum to `total`."""

    total: int
    pending: int
    running: int
    succeeded: int
    cached: int
    skipped: int
    failed: int
    cancelled: int


class LinksAnswer(Answer):
    """Where to read on."""

    items: str
    results: str
    events: str
    log: str


class DocumentAnswer(Answer):
    """What was asked for, whole: the part of a batch that never changes."""

    source: dict[str, Any]
    pipeline: list[dict[str, Any]]
    variants: list[dict[str, Any]] | None = None
    """Name, pipeline and output of each, whole: with what they have of the batch's output."""
    input: dict[str, Any]
    output: dict[str, Any]
    preset: str | None
    """Name and version of the preset that it was made of."""
    priority: int
    cache: bool = False
    """Whether files that were made before are taken."""
    max_attempts: int
    deadline_s: float | None
    max_failed_ratio: float | None
    labels: dict[str, str]


class BatchAnswer(DocumentAnswer):
    """A batch at one moment."""

    id: str
    state: State
    run_id: str
    counts: CountsAnswer
    errors_by_code: dict[str, int]
    exact: bool
    """False while the source is being listed and `total` grows."""
    error: dict[str, Any] | None
    """Why the batch as a whole failed, ended early, or was paused by the farm itself."""
    warnings: list["ProblemItem"]
    """Entries of its folder that could not be items, known once all is listed; `actual` is the name, escaped.
    Of many, the last one tells how many more there are."""
    left_out: int
    """Hidden entries of its folder that were left out; see `hidden` of the source."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    throughput_per_s: float
    """Items ended a second: of the last ten seconds, or once it has ended, of all the time that it ran."""
    eta_s: float | None
    links: LinksAnswer


class UnreadableItem(Answer):
    """A batch whose record is damaged."""

    id: str
    detail: str
    """Which file it is, what is wrong with it, and what a person can do."""


class BatchesAnswer(Answer):
    """A page of batches, newest first."""

    batches: list[BatchAnswer]
    next: str | None
    unreadable: list[UnreadableItem]
    """Batches of this page that can't be shown, whatever was asked for."""


class ProblemItem(Answer):
    """One thing wrong in a request."""

    pointer: str
    """JSON pointer into the body as it was sent, or a query parameter's name after a `/`."""
    code: str
    detail: str
    limit: float | str | None = None
    actual: float | str | None = None


class MoveAnswer(Answer):
    """A change of a batch's state."""

    id: str
    at: str
    state: State
    cause: str
    """A verb, or `claimed`, `listed`, `done`, `closed`, `deadline`, `max_failed_ratio`, `purge`, ..."""
    actor: str
    """`key:` and the start of the key's SHA-256, `anybody` where none is asked for, or a part of rayjobs."""


class LogAnswer(Answer):
    """Every change of a batch's state, the oldest first."""

    log: list[MoveAnswer]


class FaultAnswer(Answer):
    """Why an item failed."""

    code: str
    detail: str
    retryable: bool
    limit: float | str | None = None
    actual: float | str | None = None


class ItemAnswer(Answer):
    """One image of a batch."""

    index: int
    custom_id: str | None
    source: str
    state: ItemState
    attempts: int
    worker: str | None = None
    duration_ms: float | None = None
    input: dict[str, Any] | None = None
    """Width, height, format, bytes and SHA-256 of the source; `salvaged` if it was cut."""
    output: dict[str, Any] | None = None
    """URI, name, width, height, format, bytes, SHA-256, quality and frames of the file written."""
    outputs: dict[str, dict[str, Any]] | None = None
    """The same of each variant, by its name, and the `analysis` of its own filters; in place of `output`."""
    analysis: dict[str, Any] | None = None
    """What the analyses of the batch's pipeline found, by their keys."""
    error: FaultAnswer | None = None


class ItemsAnswer(Answer):
    """A page of items in index order."""

    items: list[ItemAnswer]
    next: str | None


class PresetAnswer(Answer):
    """A version of a preset, with all that was put."""

    name: str
    version: int
    shipped: bool
    """Whether it comes with rayjobs, and can't be changed."""
    created_at: str | None
    description: str | None = None
    pipeline: list[dict[str, Any]] | None = None
    variants: list[dict[str, Any]] | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None


class UnreadablePreset(Answer):
    """A preset whose latest version is damaged."""

    name: str
    detail: str
    """Which file it is, what is wrong with it, and what a person can do."""


class PresetsAnswer(Answer):
    """The latest version of each preset, by name."""

    presets: list[PresetAnswer]
    unreadable: list[UnreadablePreset]
    """Presets that can't be shown."""


class UploadAnswer(Answer):
    """A picture that was stored."""

    id: str
    sha256: str
    bytes: int
    name: str


class QueueAnswer(Answer):
    """The queue at one moment."""

    run_id: str
    pending: int
    in_flight: int
    leases: int
    oldest_age_s: float
    images_per_s: float
    eta_s: float | None
    batches_by_state: dict[str, int]
    stale_settlements: int
    complete: bool
    """False while the registry is being restored from the record: batches may be missing in these figures."""


class WorkerAnswer(Answer):
    """A registered worker."""

    id: str
    node: str
    pod: str | None
    slots: int
    busy_slots: int
    draining: bool
    """Whether it begins no more chunks."""
    items_done: int
    images_per_s: float
    rss_bytes: int
    cpu_percent: float
    in_hand: list[dict[str, Any]]
    capabilities: dict[str, list[str]]
    engine_versions: dict[str, str]
    last_heartbeat_at: str


class WorkersAnswer(Answer):
    """The workers that are registered at this moment."""

    workers: list[WorkerAnswer]


class PurgeAnswer(Answer):
    """What a purge did."""

    run_id: str
    cancelled_batches: int
    deleted_keys: int
    workers: int
    """Workers that are registered again."""


class ReadyAnswer(Answer):
    """Whether work can be taken and done."""

    ready: bool
    dependencies: dict[str, str]
    """`ok`, or what is wrong, of `registry`, `store` and `dispatcher`."""


class ProblemAnswer(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    """A stable word for programs."""
    request_id: str
    errors: list[ProblemItem] = Field(default_factory=list)

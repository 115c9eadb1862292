"""Models of all answers, for the OpenAPI document.

The core makes the JSON of an answer, and the API sends it unchanged: no answer is parsed again. The tests
check that each answer has the form of its model.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rayjobs.model.batch import State
from rayjobs_api.requests.models import ItemState


class Answer(BaseModel):
    """The base of all answers; a model lists every field of its answer."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CountsAnswer(Answer):
    """The number of a batch's items in each state; the states sum to `total`."""

    total: int
    pending: int
    running: int
    succeeded: int
    cached: int
    skipped: int
    failed: int
    cancelled: int


class LinksAnswer(Answer):
    """Paths of what belongs to a batch."""

    items: str
    results: str
    events: str
    log: str


class DocumentAnswer(Answer):
    """The request of a batch with all defaults; this part of a batch never changes."""

    source: dict[str, Any]
    pipeline: list[dict[str, Any]]
    variants: list[dict[str, Any]] | None = None
    """Name, pipeline and output of each variant; the output is complete, with the batch's values."""
    input: dict[str, Any]
    output: dict[str, Any]
    preset: str | None
    """Name and version of the preset that the batch was made from."""
    priority: int
    cache: bool = False
    """Whether an item may reuse a file that was made before."""
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
    """False while the source is listed and `total` grows."""
    error: dict[str, Any] | None
    """Why the batch as a whole failed, ended early, or was paused by rayjobs."""
    warnings: list["ProblemItem"]
    """Entries of the folder that can't be items; complete when the listing ends. `actual`: the escaped name.
    If there are too many, the last warning contains the number of the others."""
    left_out: int
    """The number of hidden entries of the folder that were left out; see `hidden` of the source."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    throughput_per_s: float
    """Items that end in a second: over the last ten seconds, or over the whole run if the batch has ended."""
    eta_s: float | None
    links: LinksAnswer


class UnreadableItem(Answer):
    """A batch whose record is damaged."""

    id: str
    detail: str
    """The file, what is wrong with the file, and what a person can do."""


class BatchesAnswer(Answer):
    """A page of batches, newest first."""

    batches: list[BatchAnswer]
    next: str | None
    unreadable: list[UnreadableItem]
    """Batches of this page that can't be read; no filter of the query hides them."""


class ProblemItem(Answer):
    """One fault or warning of a request."""

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
    """`key:` and the start of the key's SHA-256, `anybody` if the API needs no key, or a part of rayjobs."""


class LogAnswer(Answer):
    """All changes of a batch's state, oldest first."""

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
    """Width, height, format, bytes and SHA-256 of the source; `salvaged` if the source was cut off."""
    output: dict[str, Any] | None = None
    """URI, name, width, height, format, bytes, SHA-256, quality and frames of the file written."""
    outputs: dict[str, dict[str, Any]] | None = None
    """The output of each variant by name, with the `analysis` of its own filters; replaces `output`."""
    analysis: dict[str, Any] | None = None
    """The results of the analyses in the batch's pipeline, by their keys."""
    error: FaultAnswer | None = None


class ItemsAnswer(Answer):
    """A page of items in index order."""

    items: list[ItemAnswer]
    next: str | None


class PresetAnswer(Answer):
    """One version of a preset, with everything that was put."""

    name: str
    version: int
    shipped: bool
    """Whether the preset comes with rayjobs; such a preset can't be changed."""
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
    """The file, what is wrong with the file, and what a person can do."""


class PresetsAnswer(Answer):
    """The latest version of each preset, by name."""

    presets: list[PresetAnswer]
    unreadable: list[UnreadablePreset]
    """Presets that can't be read."""


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
    """Whether the worker starts no more chunks."""
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
    """The result of a purge."""

    run_id: str
    cancelled_batches: int
    deleted_keys: int
    workers: int
    """The number of workers that are registered again."""


class ReadyAnswer(Answer):
    """Whether rayjobs can accept and run batches."""

    ready: bool
    dependencies: dict[str, str]
    """`registry`, `store` and `dispatcher`: each is `ok`, or says what is wrong."""


class ProblemAnswer(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    """A stable name for programs."""
    request_id: str
    errors: list[ProblemItem] = Field(default_factory=list)


class IntervalAnswer(Answer):
    """An estimated figure with its interval at 95 %."""

    value: float
    low: float | None
    """Null if only one item was run."""
    high: float | None


class EstimateAnswer(Answer):
    """An estimate for the whole batch from a sample that was run; without a sample it has no figures."""

    method: str
    items: int
    """The number of items that the figures are for."""
    exact: bool
    """Whether `items` counts the whole source; false if a folder has more items than a request may name."""
    measured: int
    """The number of items that were run; fewer than requested if the time ran out."""
    unmeasured: int
    """The number of items that were not run because they exceed the lower limits of previews."""
    slots: int
    """The number of slots of the registered workers."""
    failures: list[dict[str, Any]]
    """Index, source, code and detail of each item that failed."""
    bytes: IntervalAnswer | None = None
    """Bytes of all outputs."""
    bytes_of_one: IntervalAnswer | None = None
    """Bytes of the outputs of one item."""
    failed: IntervalAnswer | None = None
    """The number of items that will fail."""
    cpu_s: IntervalAnswer | None = None
    """Processor time in seconds."""
    slot_s: IntervalAnswer | None = None
    """Seconds that slots run items, summed over all slots."""
    wall_s: IntervalAnswer | None = None
    """`slot_s` divided by the slots: seconds until the batch ends, if no other batch uses the slots."""


class PlanAnswer(DocumentAnswer):
    """What a batch would run, from a dry run."""

    dry_run: Literal[True]
    total: int | None
    """Null if only a listing of the source gives the number."""
    names: list[str]
    """Names of the first outputs."""
    warnings: list[ProblemItem]
    """What would run, but costs or does more than necessary; with a sample of a folder, also the warnings
    about its entries."""
    left_out: int | None = None
    """The number of hidden entries of the folder that are left out; known only with a sample."""
    estimate: EstimateAnswer | None = None
    """Only with a sample, and if the source has items."""


class PreviewAnswer(Answer):
    """The description of a preview's picture."""

    source: str
    duration_ms: float
    input: dict[str, Any] | None = None
    output: dict[str, Any]
    """Width, height, format, bytes, SHA-256, quality and frames; with a variant, its `analysis` too."""
    analysis: dict[str, Any] | None = None
    warnings: list[ProblemItem]

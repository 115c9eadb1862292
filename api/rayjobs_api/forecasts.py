"""Answers of what would be: plans, estimates, previews; as those of `answers`."""

from typing import Any, Literal

from rayjobs_api.responses import Answer, DocumentAnswer, ProblemItem


class IntervalAnswer(Answer):
    """A figure, and between what it lies, at 95 %."""

    value: float
    low: float | None
    """None where one item alone was run."""
    high: float | None


class EstimateAnswer(Answer):
    """What the whole would come to, by a sample that was run; the figures are left out where none was."""

    method: str
    items: int
    """Items that the figures are for."""
    exact: bool
    """Whether these are all of the source's; false of a folder with more than a request may name."""
    measured: int
    """Items that were run; fewer than asked for where the time was over."""
    unmeasured: int
    """Items that a preview's lower limits kept from being run."""
    slots: int
    """Slots of the workers that are registered."""
    failures: list[dict[str, Any]]
    """Index, source, code and detail of those that failed."""
    bytes: IntervalAnswer | None = None
    """Of all outputs."""
    bytes_of_one: IntervalAnswer | None = None
    """Of an item's outputs."""
    failed: IntervalAnswer | None = None
    """Items that will fail."""
    cpu_s: IntervalAnswer | None = None
    """Processor time."""
    slot_s: IntervalAnswer | None = None
    """Time that slots have an item in hand, one slot's after the other's."""
    wall_s: IntervalAnswer | None = None
    """`slot_s` over the slots: until the batch has ended, if it has them to itself."""


class PlanAnswer(DocumentAnswer):
    """What would run."""

    dry_run: Literal[True]
    total: int | None
    """None where only a listing can tell."""
    names: list[str]
    """Of the first outputs."""
    warnings: list[ProblemItem]
    """What would run, but costs or does more than it need; with a sample of a folder, what is said of its
    entries too."""
    left_out: int | None = None
    """Hidden entries of the folder that are left out; known where a sample was asked for."""
    estimate: EstimateAnswer | None = None
    """Where a sample was asked for; none for a source without items."""


class PreviewAnswer(Answer):
    """What is known of a preview."""

    source: str
    duration_ms: float
    input: dict[str, Any] | None = None
    output: dict[str, Any]
    """Width, height, format, bytes, SHA-256, quality and frames; a variant's own `analysis`."""
    analysis: dict[str, Any] | None = None
    warnings: list[ProblemItem]

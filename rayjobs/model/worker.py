"""What a worker says of itself in a heartbeat."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rayjobs.model.batch import moment


@dataclass(frozen=True)
class InHand:
    """The item that a busy slot works on."""

    batch_id: str
    index: int


@dataclass(frozen=True)
class Worker:
    """One worker as its agent last described it; a heartbeat is also its registration."""

    id: str
    node: str
    pod: str | None
    slots: int
    items_done: int
    images_per_s: float
    rss_bytes: int
    """Resident memory of the worker's slots and their engine processes together."""
    cpu_percent: float
    """Processor time of the same, 100 for each core kept busy."""
    in_hand: tuple[InHand, ...] = ()
    capabilities: dict[str, list[str]] = field(default_factory=dict)
    """Names of filters, of those among them that are plug-ins', and of formats."""
    engine_versions: dict[str, str] = field(default_factory=dict)
    draining: bool = False
    """Whether it begins no more chunks."""
    beat_ms: int = 0
    """When the registry took the last heartbeat, by its own clock."""

    @property
    def busy_slots(self) -> int:
        """Slots that hold an item."""
        return len(self.in_hand)

    def as_json(self) -> dict[str, Any]:
        """Return the worker's row in `GET /workers`."""
        row = asdict(self)
        row["busy_slots"] = self.busy_slots
        row["last_heartbeat_at"] = moment(row.pop("beat_ms"))
        return row

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Worker":
        """Read what `dataclasses.asdict` gave."""
        hands = tuple(InHand(**hand) for hand in raw.get("in_hand") or ())
        return cls(**{**raw, "in_hand": hands})

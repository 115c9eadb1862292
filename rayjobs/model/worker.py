"""The worker as its heartbeat describes it."""

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
    """One worker as its agent last described it; each heartbeat also registers it."""

    id: str
    node: str
    pod: str | None
    slots: int
    items_done: int
    images_per_s: float
    rss_bytes: int
    """Resident memory of the worker's slots and their engine processes together."""
    cpu_percent: float
    """Processor time of the same processes; 100 for each busy core."""
    in_hand: tuple[InHand, ...] = ()
    capabilities: dict[str, list[str]] = field(default_factory=dict)
    """Names by kind: `filters` (all), `plugins` (the filters of plug-ins), `formats`."""
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
        """Read the dictionary that `dataclasses.asdict` made."""
        in_hand = tuple(InHand(**each) for each in raw.get("in_hand") or ())
        return cls(**{**raw, "in_hand": in_hand})

"""How the worker group stands: what the HPA measures, the floor, what Ray wants, and its pods; pure."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True)
class Usage:
    """What a metric of the HPA is and should be, in per cent of what the containers request."""

    target: int | None
    """None if the HPA does not heed it: somebody has changed what it measures."""
    percent: int | None = None
    """None while the HPA does not know."""

    @override
    def __str__(self) -> str:
        return "/".join("-" if each is None else f"{each}%" for each in (self.percent, self.target))

    @property
    def is_high(self) -> bool:
        """Whether it asks for more pods."""
        return self.percent is not None and self.target is not None and self.percent > self.target


@dataclass(frozen=True)
class GroupStatus:
    """The worker group at one moment."""

    cpu: Usage
    memory: Usage
    wish: int
    """Pods that the HPA asks for."""
    floor: int
    """Pods below which Ray's autoscaler does not go: minReplicas."""
    wanted: int
    """Pods that Ray's autoscaler asks for: replicas. It stays where it was while the floor alone grows."""
    most: int
    idle_s: int
    """After this time without work Ray's autoscaler drains a pod that the floor does not hold."""
    ready: frozenset[str] = frozenset()
    starting: frozenset[str] = frozenset()
    drained: frozenset[str] = frozenset()
    """Pods that Ray's autoscaler gave to the operator to delete."""

    @property
    def pods(self) -> frozenset[str]:
        """Pods that are not on their way out."""
        return self.ready | self.starting

    @property
    def target(self) -> int:
        """Pods that the operator sees to."""
        return min(max(self.wanted, self.floor), self.most)

    @property
    def is_at_rest(self) -> bool:
        """Whether the group is as small as the HPA's lowest wish, and all of it ready."""
        return self.floor == self.wish == len(self.pods) == len(self.ready) == 1

"""The status of the worker group: what the HPA measures, what the HPA and Ray ask for, the pods; pure."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True)
class Usage:
    """A metric of the HPA and its target, in per cent of what the containers request."""

    target: int | None
    """None if the HPA has no such metric: somebody has changed its metrics."""
    percent: int | None = None
    """None while the HPA has no value."""

    @override
    def __str__(self) -> str:
        return "/".join("-" if each is None else f"{each}%" for each in (self.percent, self.target))

    @property
    def is_high(self) -> bool:
        """Whether the metric asks for more pods."""
        return self.percent is not None and self.target is not None and self.percent > self.target


@dataclass(frozen=True)
class GroupStatus:
    """The worker group at one moment; pods are given by their names."""

    cpu: Usage
    memory: Usage
    desired: int
    """Number of pods that the HPA asks for."""
    floor: int
    """`minReplicas`: Ray's autoscaler keeps at least so many pods."""
    wanted: int
    """`replicas`: number of pods that Ray's autoscaler asks for. It does not change when the floor rises."""
    most: int
    """`maxReplicas`: the group never has more pods."""
    idle_s: int
    """Seconds without work after which Ray's autoscaler drains a pod above the floor."""
    ready: frozenset[str] = frozenset()
    starting: frozenset[str] = frozenset()
    drained: frozenset[str] = frozenset()
    """Pods that Ray's autoscaler has marked for deletion by the operator."""

    @property
    def pods(self) -> frozenset[str]:
        """Pods that are not being deleted."""
        return self.ready | self.starting

    @property
    def target(self) -> int:
        """Number of pods that the operator keeps in the group."""
        return min(max(self.wanted, self.floor), self.most)

    @property
    def is_at_rest(self) -> bool:
        """Whether the group has one pod, which is ready, and the HPA asks for no more."""
        return self.floor == self.desired == len(self.pods) == len(self.ready) == 1

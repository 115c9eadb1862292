"""What a target tells of its worker group while a run goes on."""

from collections.abc import Callable

from rayjobs_k8s.scaling.group_status import GroupStatus

Observe = Callable[[], tuple[GroupStatus | None, tuple[str, ...]]]
"""Returns how the worker group stands, None where there is none, and what happened since the last call."""

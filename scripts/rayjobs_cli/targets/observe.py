"""The type of the function that reads a worker group during a run."""

from collections.abc import Callable

from rayjobs_k8s.scaling.group_status import GroupStatus

Observe = Callable[[], tuple[GroupStatus | None, tuple[str, ...]]]
"""Returns the status of the worker group, None without a group, and its changes since the last call."""

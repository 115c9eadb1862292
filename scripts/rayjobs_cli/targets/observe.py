"""What a target tells of its worker group while a run goes on."""

from collections.abc import Callable

from rayjobs_k8s.scaling.group_status import Standing

Observe = Callable[[], tuple[Standing | None, tuple[str, ...]]]
"""Returns how the worker group stands, None where there is none, and what happened since the last call."""

"""`fail_on(port, "settle", nth=2)`: a port of which one call fails, before it does anything or after."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from rayjobs.errors import BackendError, RegistryUnavailableError

Port = TypeVar("Port")
When = Literal["before", "after"]


class _Failing:
    def __init__(self, port: object, method: str, nth: int, when: When, error: BackendError) -> None:
        self._port = port
        self._plan = (method, nth, when)
        self._error = error
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._counted(name, found) if callable(found) else found

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self.calls[name] += 1
                method, nth, when = self._plan
                fails = name == method and self.calls[name] == nth
            if fails and when == "before":
                raise self._error
            result = call(*args, **kwargs)
            if fails:
                raise self._error
            return result

        return counted


def fail_on(
    port: Port, method: str, *, nth: int, when: When = "before", error: BackendError | None = None
) -> Port:
    """Return the port with its `nth` call of `method` failing: not done, or done with its answer lost."""
    lost = error or RegistryUnavailableError("the answer was lost: test")
    return cast("Port", _Failing(port, method, nth, when, lost))


def calls_of(port: object) -> Counter[str]:
    """Return how often each method of a port from `fail_on` was called."""
    assert isinstance(port, _Failing)
    return port.calls


def calm(port: Port) -> Port:
    """Return the port itself, of which no call fails."""
    return cast("Port", port._port) if isinstance(port, _Failing) else port

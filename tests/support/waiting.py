"""Waiting in tests: for something to come true, with a limit and a word on what it was."""

from collections.abc import Callable

from rayjobs_cli.polling import until


def wait_until(predicate: Callable[[], object], timeout_s: float, description: str) -> None:
    """Return as soon as `predicate` is true; fail the test if it is not within the time."""
    if not until(predicate, timeout_s, interval_s=0.05):
        raise AssertionError(f"not within {timeout_s:g} s: {description}")

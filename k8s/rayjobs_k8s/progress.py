"""How a deployment reports its progress."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Prints a line of progress for people."""

"""What a command prints for people."""

from collections.abc import Callable

from rich.console import Console

Say = Callable[[str], None]
"""Prints a line of progress for people."""


class Terminal(Console):
    """A console that prints lines as they are."""

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line: no name in it counts as markup, and only the terminal may fold it."""
        self.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def progress(self, text: str) -> None:
        """Print a line about a step of the work, indented and dim."""
        self.say(f"  {text}", style="dim")

"""What a command says to people."""

from rich.console import Console


class Terminal(Console):
    """A console whose lines are taken as they are."""

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line: no name in it is taken for markup, and only the terminal may fold it."""
        self.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

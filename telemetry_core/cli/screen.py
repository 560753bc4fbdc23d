"""What commands print: JSON for programs, and for people lines and tables in colour or plain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Cell = str | tuple[str, str]  # a text, or a text and its style

STYLES = {
    "success": "green",
    "failure": "red",
    "timeout": "red",
    "cancelled": "yellow",
    "partial": "magenta",
    "running": "cyan",
}
_GAP = "  "


def print_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, indent=2, default=str))


def printable(value: object) -> str:
    """Return a value's text with what could steer a terminal written out."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def styled_status(status: str) -> Cell:
    """Return a run's status in its colour."""
    return (status, STYLES.get(status, ""))


class Screen:
    """Where a command shows things to people: in colour to a terminal, else as plain text."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        if self._console.no_color:  # NO_COLOR takes the bold and the dim with it
            self._console = Console(highlight=False, markup=False, emoji=False, color_system=None)

    def line(self, *cells: Cell) -> None:
        """Print one line of texts, some of them styled; the terminal wraps what is too long."""
        from rich.text import Text

        text = Text()
        for cell in cells:
            words, style = _parts(cell)
            text.append(words, style)
        text.rstrip()
        with self._console.capture() as captured:
            self._console.print(text, soft_wrap=True)
        click.echo(captured.get(), nl=False, color=True)

    def heading(self, text: str) -> None:
        """Print a line that stands out, after an empty one."""
        self.line()
        self.line((text, "bold"))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows under the names of their columns, in a narrow terminal the last cell beneath."""
        shown = [[_parts(cell) for cell in row] for row in rows]
        shown.insert(0, [(name, "bold") for name in columns])
        widths = [max(_width(row[place][0]) for row in shown) for place in range(len(columns))]
        beneath = self._console.is_terminal and sum(widths) + len(_GAP * len(widths)) > (
            self._console.width
        )
        for row in shown:
            last = row.pop() if beneath else None
            self.line(*_padded(row, widths))
            if last is not None and last[0]:
                self.line(_GAP, last)

    def listing(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows that need no names, in columns."""
        shown = [[_parts(cell) for cell in row] for row in rows]
        widths = [max(_width(words) for words, _ in column) for column in zip(*shown, strict=True)]
        for row in shown:
            self.line(*_padded(row, widths))


def _parts(cell: Cell) -> tuple[str, str]:
    words, style = (cell, "") if isinstance(cell, str) else cell
    return printable(words), style


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _padded(row: Sequence[tuple[str, str]], widths: Sequence[int]) -> Iterator[Cell]:
    for (words, style), width in zip(row, widths, strict=False):
        yield words, style
        yield " " * (width - _width(words)) + _GAP

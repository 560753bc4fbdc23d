"""What commands print: JSON for programs, and for people lines and tables in colour or plain."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.text import Text

    Row = Sequence[tuple[str, str]]

Cell = str | tuple[str, str]  # a text, or a text and its style

_GAP = "  "
_ENDLESS = 1 << 30
_NARROWEST = 24  # columns in which sentences can still be read beside other cells
_WIDEST = 100  # what no terminal bounds is not padded further for the sake of one cell
_WORD = re.compile(r"\s*(\S+)")
_TAB = 4


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


def padded(text: str, width: int) -> str:
    """Return a text with blanks up to a width, also where its characters are wide or combine."""
    return text + " " * (width - _width(text))


class Screen:
    """Where a command shows things to people: in colour to a terminal, else as plain text.

    On a terminal nothing is wider than it but a word that is wider by itself: such a one, an id
    or a path, stays whole, to be copied. Elsewhere lines are as long as they are.

    :ivar width: the columns of the terminal, 80 where there is none.
    :ivar coloured: whether colours are seen.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        if self._console.no_color:  # NO_COLOR takes the bold and the dim with it
            self._console = Console(highlight=False, markup=False, emoji=False, color_system=None)
        self.width = self._console.width
        self.coloured = self._console.color_system is not None
        self._room = self.width if self._console.is_terminal else _ENDLESS

    def drawn(self, text: str, typed: str) -> str:
        """Return characters to draw with, or those of a typewriter where it has to be these."""
        try:
            text.encode(self._console.encoding)
        except UnicodeError:
            return typed
        return typed if self._console.is_dumb_terminal else text

    def line(self, *cells: Cell, indent: int = 0, wrap: bool = True) -> None:
        """Print texts, some of them styled, as one line, broken between words where it has to be.

        :param indent: how far in from the left the parts after the first one stand.
        :param wrap: off for what is to be copied: the terminal breaks it, and it stays one line.
        """
        from rich.text import Text

        text = Text()
        for cell in cells:
            words, style = _parts(cell)
            text.append(words, style)
        for part in self._broken(text, indent) if wrap else [text]:
            part.rstrip()
            with self._console.capture() as captured:
                self._console.print(part, soft_wrap=True)
            click.echo(captured.get(), nl=False, color=True)

    def heading(self, text: str) -> None:
        """Print a line that stands out, after an empty one."""
        self.line()
        self.line((text, "bold"))

    def more(self, option: str, number: int | None = None) -> None:
        """Say that not all was shown, and which option shows more."""
        how_many = "" if number is None else f"{number:,} "
        self.line((f"… and {how_many}more; see them with {option}", "dim"))

    def rest(self, number: int) -> None:
        """Say how many there are besides those that were shown, if there are any."""
        if number > 0:
            self.line((f"… and {number:,} more", "dim"))

    def text(self, text: str) -> None:
        """Print a text of several lines, each by itself."""
        for line in text.expandtabs(_TAB).splitlines():
            self.line(line, indent=len(line) - len(line.lstrip()))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows under the names of their columns.

        Where not all have room, the last ones stand beneath the others; where less than half of
        them have, each row is by itself, a line for each cell.
        """
        shown = [[_parts(cell) for cell in row] for row in rows]
        titled = [[(name, "bold") for name in columns], *shown]
        widths = self._widths(titled)
        beside = self._how_many(widths)
        if self._fit(widths, shown):
            self._in_columns(titled, widths)
        elif 2 * beside >= len(columns):
            for row in titled:
                self._in_columns([row[:beside]], widths)
                self._beneath(row[beside:])
        else:
            self._one_by_one(columns, shown)

    def listing(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows that need no names in columns, or their cells beneath the first one."""
        shown = [[_parts(cell) for cell in row] for row in rows]
        widths = self._widths(shown)
        if self._fit(widths, shown):
            self._in_columns(shown, widths)
            return
        for first, *others in shown:
            self.line(first, indent=len(_GAP))
            for cell in others:
                self._beneath([cell])

    def _in_columns(self, rows: Iterable[Row], widths: Sequence[int]) -> None:
        for row in rows:
            cells = zip(row, widths, strict=False)
            padded_cells = [(padded(words, width) + _GAP, style) for (words, style), width in cells]
            self.line(*padded_cells, indent=_left_of_last(widths[: len(row)]))

    def _one_by_one(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Print each cell after the name of its column, and rows apart from each other."""
        for number, row in enumerate(rows):
            if number:
                self.line()
            for name, (words, style) in zip(columns, row, strict=False):
                if words:
                    self.line((f"{name}: ", "dim"), (words, style), indent=len(_GAP))

    def _beneath(self, cells: Row) -> None:
        parts = [part for cell in cells if cell[0] for part in (_GAP, cell)]
        if parts:
            self.line(*parts, indent=len(_GAP))

    def _how_many(self, widths: Sequence[int]) -> int:
        """Return how many columns have room beside each other."""
        ends = accumulate(width + len(_GAP) for width in widths)
        return sum(end - len(_GAP) <= self._room for end in ends)

    def _widths(self, rows: Sequence[Row]) -> list[int]:
        widest = _ENDLESS if self._room < _ENDLESS else _WIDEST
        columns = zip(*rows, strict=True)
        return [min(widest, max(_width(words) for words, _ in column)) for column in columns]

    def _fit(self, widths: Sequence[int], rows: Iterable[Row]) -> bool:
        """Whether columns have room, if need be with the last one's words beneath each other."""
        room = self._room - _left_of_last(widths)
        if not widths or widths[-1] <= room:
            return True
        words = (word for row in rows for word in row[-1][0].split())
        return room >= _NARROWEST and all(_width(word) <= room for word in words)

    def _broken(self, text: Text, indent: int) -> Iterator[Text]:
        """Give the parts of a line that have room, each but the first one indented."""
        from rich.text import Text

        indent = indent if indent * 3 <= self._room else min(indent, len(_GAP))
        first, *others = text.divide(_breaks(text.plain, self._room, indent))
        yield first
        for part in others:
            yield Text(" " * indent).append_text(part)


def _breaks(text: str, room: int, indent: int) -> list[int]:
    """Return where words begin that have no room in the line any more."""
    breaks = []
    used = 0
    for word in _WORD.finditer(text):
        used += _width(word[0])
        if used > room and word.start():
            breaks.append(word.start(1))
            used = indent + _width(word[1])
    return breaks


def _left_of_last(widths: Sequence[int]) -> int:
    return sum(width + len(_GAP) for width in widths[:-1])


def _parts(cell: Cell) -> tuple[str, str]:
    words, style = (cell, "") if isinstance(cell, str) else cell
    return printable(words), style


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)

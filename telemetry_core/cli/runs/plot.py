"""Draws how many runs began when, stacked by how they ended, with nothing but characters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from telemetry_core.cli.runs.text import STYLES
from telemetry_core.clock import NS_PER_SECOND, iso8601

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from telemetry_core.cli.screen import Cell, Screen

HOUR = 3_600 * NS_PER_SECOND
_DAY = 24
_SIZES = (1, 2, 3, 4, 6, 8, 12)  # hours that divide a day evenly
_HEIGHT = 8
_WIDEST_BAR = 4
_APART = "   "
_DATE, _TIME = slice(5, 10), slice(11, 16)

# From the bottom of a bar to its top: what went wrong stands where it is seen.
_ORDER = ("success", "running", "partial", "cancelled", "timeout", "failure")
_FAILED = ("timeout", "failure")
_COLOURED, _DRAWN, _TYPED = "██████", "█░▒ctx", "#.=ctx"


def plot(
    hours: Mapping[int, Mapping[str, int]], begin: int, end: int, screen: Screen
) -> list[list[Cell]]:
    """Return the lines of a drawing: bars over the hours from `begin` to `end`, both included.

    :param hours: how many runs of each status began in an hour, counted since 1970.
    """
    most = sum(sum(counts.values()) for counts in hours.values())
    room = max(1, screen.width - len(f"{most:,} │") - 1)
    size = _bar_size(end - begin + 1, room)
    begin -= begin % size
    bars = _bars(hours, begin, end, size)
    top = max(bar.total() for bar in bars)
    wide = min(_WIDEST_BAR, max(1, room // len(bars)))
    stacks = [_stack(bar, top) for bar in bars]
    labels = [f"{top:,}", *[""] * (_HEIGHT - 2), "0"]
    margin = len(labels[0])
    rule = screen.drawn("│", "|")
    glyphs = _glyphs(screen)
    return [
        *(
            [(f"{label:>{margin}} {rule}", "dim"), *_row(stacks, _HEIGHT - row, wide, glyphs)]
            for row, label in enumerate(labels, 1)
        ),
        [(f"{'':{margin}}  {_axis(begin, end, size, wide * len(bars))}", "dim")],
    ]


def legend(counts: Mapping[str, int], screen: Screen) -> Iterator[list[Cell]]:
    """Give lines with how many runs have each status, beside what it is drawn with."""
    glyphs = _glyphs(screen)
    line: list[Cell] = []
    used = 0
    for status in (status for status in _ORDER if status in counts):
        said = f" {status} {counts[status]:,}{_APART}"
        if line and used + len(said) + 1 - len(_APART) > screen.width:
            yield line
            line, used = [], 0
        line += [(glyphs[status], STYLES[status]), said]
        used += 1 + len(said)
    yield line


def _glyphs(screen: Screen) -> dict[str, str]:
    """Return the character of each status; without colour they differ."""
    unicode = _COLOURED if screen.coloured else _DRAWN
    return dict(zip(_ORDER, screen.drawn(unicode, _TYPED), strict=True))


def _bar_size(hours: int, room: int) -> int:
    """Return how many hours one bar stands for, so that all have room beside each other."""
    for size in _SIZES:
        if hours // size + 1 <= room:  # one more, where the first is begun in its middle
            return size
    return _DAY * -(-hours // (_DAY * max(1, room - 1)))


def _bars(
    hours: Mapping[int, Mapping[str, int]], begin: int, end: int, size: int
) -> list[Counter[str]]:
    bars: list[Counter[str]] = [Counter() for _ in range((end - begin) // size + 1)]
    for hour, counts in hours.items():
        bars[min(len(bars) - 1, max(0, (hour - begin) // size))].update(counts)
    return bars


def _stack(bar: Counter[str], top: int) -> list[str]:
    """Return what a bar is made of, from the bottom up: at each height the run that stands there.

    What failed is seen at the top, be it little.
    """
    runs = [status for status in _ORDER for _ in range(bar[status])]
    height = -(-len(runs) * _HEIGHT // top)
    stack = [runs[min(len(runs) - 1, (2 * k + 1) * top // (2 * _HEIGHT))] for k in range(height)]
    if len(stack) > 1 and runs[-1] in _FAILED:
        stack[-1] = runs[-1]
    return stack


def _row(
    stacks: Iterable[Sequence[str]], level: int, wide: int, glyphs: Mapping[str, str]
) -> list[Cell]:
    """Return what all bars show at one height; wide ones stand apart."""
    cells: list[Cell] = []
    for stack in stacks:
        if level < len(stack):
            status = stack[level]
            cells += [(glyphs[status] * max(1, wide - 1), STYLES[status]), " " if wide > 1 else ""]
        else:
            cells.append(" " * wide)
    return cells


def _axis(begin: int, end: int, size: int, width: int) -> str:
    """Name the beginning of the first bar and, where there is room, that of the last one."""
    last = end - (end - begin) % size
    part = _DATE if end - begin >= _DAY else _TIME  # one time of day would not tell two days apart
    names = [iso8601(hour * HOUR)[part] for hour in (begin, last)]
    room = width - len("".join(names))
    return (" " * room).join(names) if room > 0 and last != begin else names[0]

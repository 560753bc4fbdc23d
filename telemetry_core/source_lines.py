"""Lines of the program's source for frames: bounded, and without the secrets written into them."""

from __future__ import annotations

import linecache
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core.plain import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

_AROUND = 5
_LONGEST_LINE = 300
_MOST_AROUND = 100_000  # characters of lines around those of the frames, of one exception with all
_LARGEST_SOURCE = 1_000_000  # bytes; a larger file is not read for the sake of one line

# A name and the text it is given: `password = "…"`, `{"password": "…"}`, `connect(password="…")`.
_GIVEN_TEXT = re.compile(
    r"""(\w+)(["']?\]?\s*(?::[^="']*)?[=:]\s*\(?[rbfu]*)(?P<quote>"{3}|'{3}|["']).*?(?:(?P=quote)|$)"""
)


class Excerpt(NamedTuple):
    """A line of source, and the lines before and after it."""

    before: list[str]
    line: str
    after: list[str]


class SourceLines:
    """Reads lines of source for one exception and what belongs to it.

    :param is_secret: tells whether a name is one whose text nobody should read.
    """

    def __init__(self, is_secret: Callable[[str], bool]) -> None:
        self._is_secret = is_secret
        self._room = _MOST_AROUND

    def line(self, filename: str, number: int | None) -> str:
        """Return one line as it stands there; empty when its file is not at hand, or too large."""
        lines = self._read(filename)
        return self._shown(lines[number - 1]) if number and 0 < number <= len(lines) else ""

    def excerpt(self, filename: str, number: int | None) -> Excerpt | None:
        """Return a line with those around it, as far as there is room for them."""
        line = self.line(filename, number)
        if not line or number is None:
            return None
        if self._room <= 0:
            return Excerpt([], line, [])
        lines, at = self._read(filename), number - 1
        before = [self._shown(one) for one in lines[max(0, at - _AROUND) : at]]
        after = [self._shown(one) for one in lines[at + 1 : at + 1 + _AROUND]]
        self._room -= sum(map(len, before + after))
        return Excerpt(before, line, after)

    @staticmethod
    def _read(filename: str) -> list[str]:
        if filename not in linecache.cache and not _is_worth_reading(filename):
            return []
        return linecache.getlines(filename)

    def _shown(self, line: str) -> str:
        start = line.rstrip()[: 2 * _LONGEST_LINE]
        return clean_text(_GIVEN_TEXT.sub(self._hidden, start)[:_LONGEST_LINE])

    def _hidden(self, given: re.Match[str]) -> str:
        if not self._is_secret(given[1]):
            return given[0]
        return f"{given[1]}{given[2]}{given['quote']}[redacted]{given['quote']}"


def _is_worth_reading(filename: str) -> bool:
    try:
        return Path(filename).stat().st_size <= _LARGEST_SOURCE
    except (OSError, ValueError):
        return False

"""Finds where each table and each key stands in the text of a TOML document.

The text is known to be TOML: `tomllib` has read it. So this looks for no mistakes, only for ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from telemetry_core.cli.config.toml_text import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
_LONG = r"\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2}|'''.*?''''{0,2}"
_PART = rf"(?:[A-Za-z0-9_-]+|{_SHORT})"
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_PAIR = re.compile(rf"[ \t]*({_KEY})[ \t]*=[ \t]*")
_COMMENT = re.compile(r"[ \t]*#+[ \t]?(?P<words>[^\r\n]*)")
_TOKEN = re.compile(
    rf"(?P<blank>[ \t\r]+|#[^\n]*|\n)|{_LONG}|{_SHORT}|[\[\]{{}}]|[^\s\[\]{{}}#\"']+", re.DOTALL
)
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}

Path = tuple[str, ...]


class Comment(NamedTuple):
    """A line that holds nothing but a comment."""

    start: int
    end: int
    words: str


@define(frozen=True)
class Pair:
    """A key and its value: the lines they take, and where among these the value stands."""

    path: Path
    start: int
    value_start: int
    value_end: int
    end: int


@define(frozen=True)
class Section:
    """A header and what stands under it; the first one of a document has no header.

    :ivar listed: its table is one of an array of tables.
    :ivar body: where the line after its header begins.
    """

    path: Path
    listed: bool
    start: int
    body: int
    end: int
    pairs: list[Pair] = field(factory=list)

    @property
    def settled(self) -> int:
        """Where its last key ends, or its header where it has none."""
        return self.pairs[-1].end if self.pairs else self.body

    def comments(self, text: str) -> Iterator[Comment]:
        """Give its lines of comment, none of them within a value."""
        inside = [range(pair.start, pair.end) for pair in self.pairs]
        at = self.body
        while at < self.end:
            end = line_end(text, at)
            value = next((lines for lines in inside if at in lines), None)
            found = None if value else _COMMENT.match(text, at, end)
            if found:
                yield Comment(at, end, found["words"])
            at = value.stop if value else end


def line_end(text: str, at: int) -> int:
    """Return where the next line begins."""
    return text.find("\n", at) + 1 or len(text)


def sections(text: str) -> list[Section]:
    """Return the sections of a document in their order."""
    heads: list[tuple[Path, bool, int, int]] = [((), False, 0, 0)]
    pairs: list[list[Pair]] = [[]]
    at = 0
    while at < len(text):
        end = line_end(text, at)
        if header := _HEADER.match(text, at):
            heads.append((path_of(header[2]), header[1] == "[[", at, end))
            pairs.append([])
        elif pair := _PAIR.match(text, at):
            value_end = _value_end(text, pair.end())
            end = line_end(text, value_end)
            path = (*heads[-1][0], *path_of(pair[1]))
            pairs[-1].append(Pair(path, at, pair.end(), value_end, end))
        at = end
    ends = [start for _, _, start, _ in heads[1:]] + [len(text)]
    return [Section(*head, end, found) for head, end, found in zip(heads, ends, pairs, strict=True)]


def _value_end(text: str, at: int) -> int:
    """Return where the value that begins here ends, without what follows it on its last line."""
    depth, end = 0, at
    for token in _TOKEN.finditer(text, at):
        if token["blank"] is None:
            depth += _DEEPER.get(token[0], 0)
            end = token.end()
        elif depth == 0 and token[0][0] in "#\n":
            break
    return end

"""Changes one key in the text of a TOML document and leaves every other line as it is."""

from __future__ import annotations

import re
from itertools import takewhile
from tomllib import TOMLDecodeError, loads
from typing import TYPE_CHECKING, Any

from telemetry_core.cli.config.scanning import line_end, sections
from telemetry_core.cli.config.toml_text import dotted, key_text, value_text
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from telemetry_core.cli.config.scanning import Path, Section

_HEADER = re.compile(r"\[[^\[\]]+\]\s*")
_VALUELESS = re.compile(r"=\s*(?=#|$)")


class EditError(ConfigError):
    """A key stands so that it cannot be changed without touching anything else."""


def with_key(text: str, path: Path, value: object) -> str:
    """Return the document with a key set; raises `EditError` where that cannot be done safely."""
    wanted = _loaded(text)
    table = _table(wanted, path)
    edited = _placed(text, path, value_text(value))
    table[path[-1]] = value
    return _proved(edited, wanted, path)


def without_key(text: str, path: Path) -> str:
    """Return the document without a key, the same text where it has none; raises `EditError`."""
    wanted = _loaded(text)
    table = _table(wanted, path)
    if path[-1] not in table:
        return text
    pair = next((p for section in sections(text) for p in section.pairs if p.path == path), None)
    if pair is None:
        raise _by_hand(path, "it is not written on lines of its own")
    del table[path[-1]]
    return _proved(text[: pair.start] + text[pair.end :], wanted, path)


def line_of(text: str, path: Path) -> int | None:
    """Return the number of the line in which a key stands, or the inline table that holds it."""
    for section in sections(text):
        for pair in section.pairs:
            if pair.path == path[: len(pair.path)]:
                return text.count("\n", 0, pair.start) + 1
    return None


def _loaded(text: str) -> dict[str, Any]:
    try:
        return loads(text)
    except TOMLDecodeError as error:
        raise EditError(f"this is not TOML: {error}") from None


def _table(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the table in which a key stands or would stand, made where it is missing."""
    table = document
    for depth, key in enumerate(path[:-1], 1):
        table = table.setdefault(key, {})
        if isinstance(table, list):
            raise _by_hand(path, f"{dotted(path[:depth])} is a list")
        if not isinstance(table, dict):
            raise _by_hand(path, f"{dotted(path[:depth])} is no table")
    return table


def _by_hand(path: Path, why: str) -> EditError:
    return EditError(f"{dotted(path)} cannot be edited here: {why}; edit the file by hand")


def _placed(text: str, path: Path, value: str) -> str:
    """Return the text with the value in its place: its own, or the most sensible one."""
    found = sections(text)
    pairs = [pair for section in found for pair in section.pairs]
    for pair in pairs:
        if pair.path == path:
            return text[: pair.value_start] + value + text[pair.value_end :]
        if pair.path == path[: len(pair.path)]:
            raise _by_hand(path, f"{dotted(pair.path)} is written as an inline table")
    named = [pair.path for pair in pairs] + [section.path for section in found]
    if any(path == other[: len(path)] for other in named):
        raise _by_hand(path, "it is a table")
    table = path[:-1]
    for section in found:
        if section.path == table:
            return _into(text, section, path[-1], value)
    for section in reversed(found):  # the table may be there by dotted keys alone
        kin = [pair for pair in section.pairs if pair.path[: len(table)] == table]
        if kin and len(section.path) < len(table):
            line = f"{dotted(path[len(section.path) :])} = {value}"
            return _inserted(text, kin[-1].end, line, like=kin[-1].start)
    return _placed(_with_table(text, found, table), path, value)


def _into(text: str, section: Section, key: str, value: str) -> str:
    """Return the text with a key more in a section: below its comment, else below the last key."""
    line = f"{key_text(key)} = {value}"
    for comment in section.comments(text):
        if _HEADER.fullmatch(comment.words):  # what follows is of a table that is commented out
            break
        if _says(comment.words, key):
            return _inserted(text, comment.end, line, like=comment.start)
    if section.pairs:
        return _inserted(text, section.pairs[-1].end, line, like=section.pairs[-1].start)
    if section.path:
        return _inserted(text, section.body, line, like=section.start)
    return _inserted(text, _after_preamble(text), line, apart=True)


def _says(words: str, key: str) -> bool:
    """Tell whether a comment is a key that is commented out, with a value or with none yet."""
    try:
        return list(loads(_VALUELESS.sub("= 0", words))) == [key]
    except (TOMLDecodeError, RecursionError):
        return False


def _after_preamble(text: str) -> int:
    """Return where the document's first block of comments ends, if an empty line sets it off."""
    at = 0
    while text.startswith("#", at):
        at = line_end(text, at)
    return at if at == len(text) or text[at:].lstrip("\r").startswith("\n") else 0


def _with_table(text: str, found: list[Section], table: Path) -> str:
    """Return the text with the header of a new table: below its comment, else below its kin."""
    header = f"[{dotted(table)}]"
    for section in found:
        for comment in section.comments(text):
            if comment.start >= section.settled and comment.words.strip() == header:
                return _inserted(text, comment.end, header, like=comment.start)
    kin = max(range(len(found)), key=lambda place: (_common(found[place].path, table), place))
    at = _tail(text, found[kin]) if kin < len(found) - 1 else len(text)
    return _inserted(text, at, header, apart=True)


def _common(one: Path, other: Path) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _tail(text: str, section: Section) -> int:
    """Return where a section ends, without the comments that stand directly over the next one."""
    at = section.end
    for comment in reversed([*section.comments(text)]):
        if comment.end != at:
            break
        at = comment.start
    return at


def _inserted(
    text: str, at: int, line: str, *, like: int | None = None, apart: bool = False
) -> str:
    """Return the text with a line more.

    :param like: where a line begins that shows how far this one is indented.
    :param apart: it stands between empty lines.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    if apart and before and not before.endswith(("\n\n", "\n\r\n")):
        before += newline
    if apart and after and not after.lstrip("\r").startswith("\n"):
        after = newline + after
    margin = "" if like is None else re.match(r"[ \t]*", text[like:])[0]  # type: ignore[index]
    return f"{before}{margin}{line}{newline}{after}"


def _proved(edited: str, wanted: dict[str, Any], path: Path) -> str:
    """Return the edited text if it says what was wanted and nothing else; else refuse."""
    try:
        right = _same(_pruned(loads(edited)), _pruned(wanted))
    except TOMLDecodeError:
        right = False
    if not right:
        raise _by_hand(path, "nothing else would stay as it is")
    return edited


def _pruned(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table without empty ones in it: it says nothing whether their header stands."""
    pruned = {k: _pruned(v) if isinstance(v, dict) else v for k, v in table.items()}
    return {key: value for key, value in pruned.items() if value != {}}


def _same(one: object, other: object) -> bool:
    """Tell whether two values are the same, of one type, and a number that is none as well."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return repr(one) == repr(other)

"""Takes secrets, URL credentials and the home directory out of what a program says."""

from __future__ import annotations

import json
import os
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fnmatch import translate
from operator import is_
from types import NoneType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from telemetry_core.models import JSON_FIELDS
from telemetry_core.plain import CUT, CYCLE, MAX_DEPTH, json_text, text_of, tolerant

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"
# Held against names in lower case without any separator: apiKey, API_KEY and X-Api-Key are one.
BUILT_IN_PATTERNS = (
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*pwd",
    "*secret*",
    "*token*",
    "*apikey*",
    "*accesskey*",
    "*privatekey*",
    "*signingkey*",
    "*encryptionkey*",
    "auth",
    "*authorization*",
    "*bearer*",
    "jwt",
    "*cookie*",
    "*credential*",
    "*connectionstring*",
)
_INNOCENT = re.compile(r"tokeni[sz](?:ation|ing|e[drs]?)|secretary|cookiecutter")
_SEPARATORS = re.compile(r"[\W_]+")
_COUNTING = frozenset(
    {
        *("attempts", "budget", "count", "counts", "expires", "expiry", "length", "limit", "max"),
        *("min", "num", "number", "remaining", "size", "tokens", "total", "ttl", "usage", "used"),
    }
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_URL_CREDENTIALS = re.compile(r"://(?!git@)[^\s/?#\"'<>]*@")
_HARMLESS = frozenset({int, float, bool, NoneType, bytes, datetime, date, time, timedelta, UUID, Decimal})  # fmt: skip
_NUMBERS = frozenset({int, float})
_MOST_NAMES = 4096


class _Verdict(Enum):
    CLEAN = "clean"
    SECRET = "secret"  # noqa: S105 - the word, not one
    JSON = "perhaps a text of JSON"
    SECRET_UNLESS_A_NUMBER = "secret unless a number"  # noqa: S105


class Redactor:
    """Returns what it is given, or a copy of it without what nobody should read.

    A value under a name that looks like a secret becomes `[redacted]`; null, true and false stay,
    and so do numbers under a name that counts (`max_tokens`). In every text, keys included, the
    home directory becomes `~` and the credentials of URLs go. Objects are looked into as plain
    values; what cannot be looked into is not passed on.
    """

    def __init__(self, patterns: Iterable[str] = (), home: str | None = None) -> None:
        built_in = "|".join(map(translate, BUILT_IN_PATTERNS))
        own = "|".join(translate(str(pattern).lower()) for pattern in patterns)
        self._built_in = re.compile(built_in)
        self._own = re.compile(own) if own else None
        self._homes = _spellings(os.path.expanduser("~") if home is None else home)
        either = "|".join(map(re.escape, self._homes))
        # A directory of that name within another path (/data/root) is not the home, nor is a
        # longer name (/rooted); a flag may touch it (-I/root/include).
        self._home = re.compile(rf"(?:(?<![\w.~-])|(?<=[^\w/]-\w))(?:{either})(?![\w-]|\.\w)")
        # What every home and every URL contains: a text without it needs no further look.
        self._mark = next((mark for mark in "/:" if all(mark in home for home in self._homes)), "")
        self._verdicts: dict[str, _Verdict] = {}
        self._clean_names: set[str] = set()

    def redact(self, value: Any) -> Any:
        """Return the value, or a copy of it where something had to go; never raises."""
        try:
            return self._value(value, MAX_DEPTH, ())
        except Exception:  # noqa: S110 - it changes under our hands, or the stack is nearly full
            pass
        try:
            return self._value(tolerant(value, 8), 8, ())
        except Exception:  # what could not be looked at must not be said
            return REDACTED

    def _value(self, value: Any, depth: int, within: tuple[int, ...]) -> Any:
        kind = type(value)
        if kind is dict:
            if self._is_flat_and_clean(value):
                return value
        elif kind in _HARMLESS:
            return value
        elif kind is str:
            return self._text(value)
        elif kind is not list and kind is not tuple:
            return self._plain_value(value, depth, within)
        if id(value) in within:
            return CYCLE
        if depth <= 0:
            return CUT
        within = (*within, id(value))
        if kind is dict:
            return self._dict(value, depth - 1, within)
        items = [self._value(item, depth - 1, within) for item in value]
        return value if all(map(is_, items, value)) else kind(items)

    def _plain_value(self, value: Any, depth: int, within: tuple[int, ...]) -> Any:
        """Look into an object as the plain value that would be written for it."""
        plain = tolerant(value, depth)
        return plain if type(plain) in _HARMLESS else self._value(plain, depth, within)

    def _is_flat_and_clean(self, value: dict[Any, Any]) -> bool:
        """Say in the least possible time that nothing in a usual payload has to go."""
        if not self._clean_names.issuperset(value):
            return False
        mark = self._mark
        for item in value.values():
            kind = type(item)
            if kind is str:
                if mark in item and self._text(item) is not item:
                    return False
            elif kind not in _HARMLESS:
                return False
        return True

    def _dict(self, value: dict[Any, Any], depth: int, within: tuple[int, ...]) -> dict[Any, Any]:
        clean: dict[Any, Any] = {}
        changed = False
        for name, item in list(value.items()):
            clean_name = self._name(name)
            verdict = self._verdict(clean_name)
            if _is_secret(verdict, item):
                clean_item = REDACTED
            elif verdict is _Verdict.JSON and type(item) is str:
                clean_item = self._json(item, depth, within)
            else:
                clean_item = self._value(item, depth, within)
            clean[clean_name] = clean_item
            changed = changed or clean_name is not name or clean_item is not item
        return clean if changed else value

    def _name(self, name: Any) -> Any:
        """Let numbers and constants be keys as they are; any other object is its text."""
        if type(name) is str:
            return self._text(name)
        return name if type(name) in _HARMLESS else self._text(text_of(name))

    def _verdict(self, name: Any) -> _Verdict:
        if type(name) is not str:
            return _Verdict.CLEAN
        return self._verdicts.get(name) or self._judge(name)

    def _judge(self, name: str) -> _Verdict:
        """Say what a name means for its value, and remember it; programs use few names."""
        lower = name.lower()
        plain = _SEPARATORS.sub("", _INNOCENT.sub("", lower))
        if self._built_in.match(plain) or (self._own and self._own.match(lower)):
            words = {word.lower() for word in _WORD.findall(name)}
            verdict = (
                _Verdict.SECRET if words.isdisjoint(_COUNTING) else _Verdict.SECRET_UNLESS_A_NUMBER
            )
        else:
            verdict = _Verdict.JSON if name in JSON_FIELDS else _Verdict.CLEAN
        if len(self._verdicts) >= _MOST_NAMES:
            self._verdicts.clear()
            self._clean_names.clear()
        self._verdicts[name] = verdict
        if verdict is _Verdict.CLEAN:
            self._clean_names.add(name)
        return verdict

    def _json(self, text: str, depth: int, within: tuple[int, ...]) -> str:
        """Look into a run's field that was handed in as JSON, before it is read as that."""
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            return self._text(text)
        clean = self._value(read, depth, within)
        return text if clean is read else json_text(clean)

    def _text(self, text: str) -> str:
        for home in self._homes:
            if home in text:
                text = self._home.sub("~", text)
                break
        if "://" in text and "@" in text:
            text = _URL_CREDENTIALS.sub("://", text)
        return text


def _is_secret(verdict: _Verdict, item: Any) -> bool:
    if item is None or item is True or item is False:
        return False
    if verdict is _Verdict.SECRET_UNLESS_A_NUMBER:
        return type(item) not in _NUMBERS
    return verdict is _Verdict.SECRET


def _spellings(home: str) -> tuple[str, ...]:
    """Return how the home directory may be written: also resolved, also with other slashes."""
    roots = (os.path.normpath(home), os.path.realpath(home)) if os.path.isabs(home) else ()
    wide = [root for root in roots if len(root) > len(os.path.splitdrive(root)[0]) + 1]
    return tuple(dict.fromkeys([*wide, *(root.replace("\\", "/") for root in wide)]))

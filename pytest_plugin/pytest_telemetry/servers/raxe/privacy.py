"""What must not be in an event: raw text, and what tells of a person or a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_RAW = frozenset(
    (
        *("prompt", "prompt_text", "response", "message", "content", "input", "output"),
        *("data", "body", "user_input", "text", "matched_text"),
    )
)
_NEVER = "_mssp_data"  # with whatever is in it
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_PERSONAL = re.compile(
    r"""
      [\w.+-]+@[\w-]+(\.[\w-]+)*\.[a-zA-Z]{2,}\b       # an e-mail address
    | \braxe_(live|test|temp|nfr)_[a-zA-Z0-9_-]{32}    # a key
    | (/home/|/Users/|\b[A-Za-z]:\\Users\\)\w          # a path that names a user
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(
    r"(?<![\w.])((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])"
)


class Violation(NamedTuple):
    """What is wrong with a place in an event."""

    code: str
    place: str


def violation_in(event: dict[str, Any]) -> Violation | None:
    """Return the first thing in an event that must not be there."""
    for name, place, text in _texts("", "", event):
        if _HASH.fullmatch(text):
            continue
        if name in _RAW or name == _NEVER:
            return Violation("PRI_002", place)
        if _PERSONAL.search(text) or (_ADDRESS.search(text) and not name.endswith("version")):
            return Violation("PRI_001", place)
    return None


def _texts(name: str, place: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """Give every text in a value that is not empty, with its name and where it is."""
    match value:
        case dict():
            for key, inner in value.items():
                at = f"{place}.{key}" if place else key
                yield from _texts(_NEVER if name == _NEVER else key, at, inner)
        case list():
            for number, inner in enumerate(value):
                yield from _texts(name, f"{place}[{number}]", inner)
        case str() if value:
            yield name, place, value

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
    for name, place, text in _texts(event):
        if _HASH.fullmatch(text):
            continue
        if name in _RAW or name == _NEVER:
            return Violation("PRI_002", place)
        if _PERSONAL.search(text) or (_ADDRESS.search(text) and not name.endswith("version")):
            return Violation("PRI_001", place)
    return None


def _texts(event: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give every text in an event that is not empty, with its name and where it is."""
    left: list[tuple[str, str, Any]] = [("", "", event)]
    while left:  # as deep as JSON may be, which Python's calls are not
        name, place, value = left.pop()
        if isinstance(value, str) and value:
            yield name, place, value
        elif isinstance(value, dict):
            of_never = name == _NEVER
            inner = (
                (name if of_never else key, f"{place}.{key}", one) for key, one in value.items()
            )
            left += reversed([(key, at.removeprefix("."), one) for key, at, one in inner])
        elif isinstance(value, list):
            left += reversed([(name, f"{place}[{at}]", one) for at, one in enumerate(value)])

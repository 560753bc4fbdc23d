"""Which project keys are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 64
_PERSONAL = "phx_"


class BadKeyError(ValueError):
    """A key is not taken; the message is the server's word for why."""


def checked(key: str, known: Collection[str]) -> str:
    """Return a key without blanks around it; without known ones every key of the right form does."""
    key = key.strip()
    problems = {
        "empty": not key,
        "too_long": len(key.encode("utf-8", "replace")) > _LONGEST,
        "not_ascii": not key.isascii(),
        "personal_api_key": key.startswith(_PERSONAL),
        "null_byte": "\0" in key,
        "unknown": known and key not in known,
    }
    for reason, found in problems.items():
        if found:
            raise BadKeyError(reason)
    return key

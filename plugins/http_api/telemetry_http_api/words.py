"""What an answer says of itself: whether it is one, and why not in a few words for a log line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telemetry_core.sending import Answer

_LONGEST = 200
_SUCCESS, _NOT_FOUND = 2, 404


def succeeded(answer: Answer) -> bool:
    """Tell whether the service did what it was asked."""
    return answer.status // 100 == _SUCCESS


def is_missing(answer: Answer) -> bool:
    """Tell whether there is no such thing, or no such route."""
    return answer.status == _NOT_FOUND


def detail(answer: Answer) -> str:
    """Return the reason that an answer gives, on one line; empty when it gives none."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    return _flat(said.get("detail", "") if isinstance(said, dict) else "")


def problems(answer: Answer) -> list[tuple[list[Any], str]]:
    """Return what a 422 finds wrong, each with its place; nothing where it is of another form."""
    try:
        found = json.loads(answer.body)["detail"]
        return [(list(one["loc"]), str(one["msg"])) for one in found]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _flat(said: Any) -> str:
    if isinstance(said, list):
        said = "; ".join(_problem(one) for one in said[:3])
    text = " ".join(said.split()) if isinstance(said, str) else ""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _problem(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    place = ".".join(str(part) for part in one.get("loc") or ())
    return f"{place}: {one.get('msg', '')}"

"""What an answer says, in either of the shapes that servers of the protocol have."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from telemetry_core.sending import Answer

_LONGEST = 200


class EventError(NamedTuple):
    """Why one event was not taken."""

    event_id: str
    code: str
    message: str


class Said(NamedTuple):
    """The words of an answer; what it does not say, or not so that it can be read, is empty.

    :ivar accepted: how many events were taken, and `rejected` how many were not.
    """

    code: str = ""
    message: str = ""
    accepted: int | None = None
    rejected: int | None = None
    retry_after: float | None = None
    errors: tuple[EventError, ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Read an answer; never raises."""
        try:
            body = msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return cls(message=_line(answer.body[: 4 * _LONGEST].decode("utf-8", "replace")))
        if not isinstance(body, dict):
            return cls()
        nested = body["error"] if isinstance(body.get("error"), dict) else {}
        code = nested.get("code") if nested else body.get("error")
        return cls(
            _line(code),
            _line(nested.get("message") or body.get("message")),
            _count(body.get("accepted")),
            _count(body.get("rejected")),
            _seconds(body.get("retry_after", nested.get("retry_after"))),
            _errors(body.get("errors") or nested.get("errors") or nested.get("details")),
        )

    @property
    def words(self) -> str:
        """Return what a person is to read of it."""
        return ": ".join(part for part in (self.code, self.message) if part)


def _errors(given: Any) -> tuple[EventError, ...]:
    entries = given if isinstance(given, list) else []
    found = []
    for entry in entries:
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            event_id = str(UUID(entry["event_id"]))
            found.append(EventError(event_id, _line(entry["error"]), _line(entry.get("message"))))
    return tuple(found)


def _count(given: Any) -> int | None:
    return given if type(given) is int and given >= 0 else None


def _seconds(given: Any) -> float | None:
    known = type(given) in {int, float} and math.isfinite(given) and given >= 0
    return float(given) if known else None


def _line(given: Any) -> str:
    return " ".join(given.split())[:_LONGEST] if isinstance(given, str) else ""

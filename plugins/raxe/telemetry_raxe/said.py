"""Reads what an answer says, taking nothing in it for granted."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_core.sending import retry_after
from telemetry_raxe.keys import masked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from telemetry_core import Clock
    from telemetry_core.sending import Answer

_LONGEST_WAIT = 3600.0
_LONGEST_WORDS = 200
_LATEST = 10**12  # what is later is no number of seconds
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)+")


@define(frozen=True)
class Said:
    """An answer; the body is the object in it without the key, empty for whatever else it was."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @classmethod
    def of(cls, answer: Answer, key: str) -> Self:
        """Read an answer."""
        content = answer.body
        if key:  # wherever the service repeats it, also where a result is handed on as it is
            content = content.replace(key.encode(), masked(key).encode())
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        return cls(answer.status, answer.headers, body if isinstance(body, dict) else {})

    @property
    def code(self) -> str:
        """The code of an error, which is what tells errors apart."""
        code = self.body.get("code")
        return plain(code) if isinstance(code, str) else ""

    @property
    def word(self) -> str:
        """The word for what is wrong; some things have no code."""
        word = self.body.get("error")
        return word if isinstance(word, str) and _WORD.fullmatch(word) else ""

    @property
    def words(self) -> str:
        """What it says to people, on one line and without the key."""
        text = self.body.get("message") or self.body.get("error")
        return plain(text) if isinstance(text, str) else ""

    @property
    def page(self) -> str:
        """Where people can do something about it."""
        page = self.body.get("console_url") or self.body.get("upgrade_url")
        return plain(page) if isinstance(page, str) else ""

    @property
    def field(self) -> str | None:
        """What is wrong with the request."""
        field = self._details.get("field")
        return field if isinstance(field, str) else None

    def counts(self) -> tuple[int, int, int] | None:
        """Return how many events were accepted, rejected and known; nothing unless it says so."""
        accepted, rejected = _count(self.body.get("accepted")), _count(self.body.get("rejected"))
        known = _count(self.body.get("duplicates", 0))
        if accepted is None or rejected is None or known is None:
            return None
        return accepted, rejected, known

    def rejections(self) -> list[dict[str, Any]]:
        """Return what it says of single events that were rejected, in either of its two shapes."""
        listed = self.body.get("rejected_events", self.body.get("errors"))
        return [one for one in listed if isinstance(one, dict)] if type(listed) is list else []

    def server_time(self) -> str | None:
        """Return what the clock of the service showed."""
        time = self.body.get("server_time")
        return time if isinstance(time, str) else None

    def wait(self, clock: Clock) -> float | None:
        """Return the seconds that it asks to wait: by the header, else by the body."""
        seconds = retry_after(self.headers, clock)
        if seconds is not None:
            return seconds
        for place in (self._details, self.body):
            number = place.get("retry_after")
            if isinstance(number, (int, float)) and type(number) is not bool and number >= 0:
                return float(min(number, _LONGEST_WAIT))
        return None

    def reset_at(self) -> list[int]:
        """Return the moments at which it says that a limit ends, in seconds since 1970."""
        places = (self._details, self.body)
        moments = (_seconds(place.get("reset_at")) for place in places)
        return [moment for moment in moments if moment is not None]

    @property
    def _details(self) -> dict[str, Any]:
        details = self.body.get("details")
        return details if isinstance(details, dict) else {}


def plain(text: str) -> str:
    """Return what a service says as one line of a sensible length."""
    line = " ".join(text.split())
    return "".join(char for char in line if char.isprintable())[:_LONGEST_WORDS]


def _count(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return value


def _seconds(moment: object) -> int | None:
    """Return a moment in seconds since 1970, from a number or ISO 8601."""
    if isinstance(moment, (int, float)) and type(moment) is not bool:
        return int(moment) if abs(moment) < _LATEST else None
    if not isinstance(moment, str):
        return None
    try:
        read = datetime.fromisoformat(moment)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None

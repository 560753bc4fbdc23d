"""What a token has used: its nonces, its requests of a minute, its events of a month."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import define, field

from pytest_telemetry.servers.ingest.answers import Refused
from pytest_telemetry.servers.times import MINUTE

if TYPE_CHECKING:
    from pytest_telemetry.servers.times import ServiceTime

TOLERANCE = 600  # seconds
# A request may be stamped that far ahead, and is good for as long after its stamp.
_REMEMBERED = 2 * TOLERANCE + 1


@define(eq=False)
class Usage:
    """What came by one token."""

    _time: ServiceTime
    _nonces: dict[str, float] = field(factory=dict)
    _requests: deque[float] = field(factory=deque)
    _events: tuple[float, int] = (0.0, 0)

    def spend(self, nonce: str) -> None:
        """Remember a nonce for as long as its request is good; refuse one that is spent."""
        now = self._time.seconds()
        self._nonces = {one: seen for one, seen in self._nonces.items() if now - seen < _REMEMBERED}
        if nonce in self._nonces:
            raise Refused(409, "Duplicate nonce detected")
        self._nonces[nonce] = now

    def count(self, limit: int | None) -> dict[str, str]:
        """Count a request; return what every answer to it says of the limit.

        Raises the refusal of one more than there may be in any sixty seconds.
        """
        if limit is None:
            return {}
        now = self._time.seconds()
        while self._requests and self._requests[0] <= now - MINUTE:
            self._requests.popleft()
        taken = len(self._requests) < limit
        if taken:
            self._requests.append(now)
        free_at = math.ceil((self._requests[0] if self._requests else now) + MINUTE)
        told = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(limit - len(self._requests), 0)),
            "x-ratelimit-reset": str(free_at),
        }
        if not taken:
            wait = {"retry-after": str(max(math.ceil(free_at - now), 1))}
            raise Refused(429, "Rate limit exceeded", headers={**told, **wait})
        return told

    @property
    def events_this_month(self) -> int:
        """Return how many events were taken since the month began, UTC."""
        until, events = self._events
        return events if until == self._next_month() else 0

    @events_this_month.setter
    def events_this_month(self, events: int) -> None:
        self._events = (self._next_month(), events)

    def admit_events(self, quota: int | None) -> None:
        """Refuse the events of who has none left; the request that uses the last is taken whole."""
        if quota is not None and self.events_this_month >= quota:
            wait = math.ceil(self._next_month() - self._time.seconds())
            why, headers = "Monthly event quota exceeded", {"retry-after": str(wait)}
            raise Refused(429, why, "quota_exceeded", headers=headers)

    def _next_month(self) -> float:
        now = datetime.fromtimestamp(self._time.seconds(), UTC)
        years, month = divmod(now.month, 12)
        return datetime(now.year + years, month + 1, 1, tzinfo=UTC).timestamp()

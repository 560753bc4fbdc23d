"""How much a tier may send in a minute and in a day, kept count of on this side too."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from telemetry_raxe.shipper_errors import DailyLimitExceededError, RateLimitError

if TYPE_CHECKING:
    from telemetry_core import Clock

MINUTE, DAY = 60.0, 86_400
NS = 1_000_000_000


class Tier(NamedTuple):
    """What a tier may do; no number stands for as much as one likes."""

    requests_per_minute: int
    events_per_day: int | None
    can_disable_telemetry: bool
    offline_mode: bool


TIERS = {
    "temporary": Tier(50, 50_000, can_disable_telemetry=False, offline_mode=False),
    "community": Tier(100, 100_000, can_disable_telemetry=False, offline_mode=False),
    "pro": Tier(500, 1_000_000, can_disable_telemetry=True, offline_mode=False),
    "enterprise": Tier(2_000, None, can_disable_telemetry=True, offline_mode=True),
}


class Limits:
    """Counts requests and events, and says no before the service has to.

    Days are those of the service's clock, in UTC. Of a tier that is not known nothing is counted
    against: the service has the last word anyway. For any thread.
    """

    def __init__(self, clock: Clock, tier: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()  # when each request of the last minute was made
        self._day = 0
        self._today = 0
        self._closed_until = 0
        self._drift_ns = 0
        self._per_minute: int | None = None
        self._per_day: int | None = None
        if tier in TIERS:
            self._per_minute, self._per_day = TIERS[tier][:2]

    def told(
        self, tier: str, per_minute: int, per_day: int, today: int, drift: float | None
    ) -> None:
        """Take over what the service says; a limit that it does not name is that of the tier.

        :param today: how many events it has counted since midnight.
        :param drift: how many seconds its clock is ahead of ours.
        """
        known = TIERS.get(tier)
        with self._lock:
            self._drift_ns = round((drift or 0.0) * NS)
            self._per_minute = per_minute or (known.requests_per_minute if known else None)
            self._per_day = per_day or (known.events_per_day if known else None)
            self._begin_day()
            self._today = max(self._today, today)
            if self._per_day is None or today < self._per_day:
                self._closed_until = 0

    def admit(self) -> None:
        """Count a request; raises the error of a limit that forbids it.

        The last batch of a day may go beyond its limit: so the service has it, too.
        """
        with self._lock:
            self._refuse_today()
            now = self._clock.monotonic()
            while self._sent and now - self._sent[0] >= MINUTE:
                self._sent.popleft()
            if self._per_minute is not None and len(self._sent) >= self._per_minute:
                raise RateLimitError(
                    f"{self._per_minute} requests were made in a minute, as many as the tier allows",
                    retry_after=self._sent[0] + MINUTE - now,
                )
            self._sent.append(now)

    def accepted(self, events: int) -> None:
        """Count events that the service has taken."""
        with self._lock:
            self._begin_day()
            self._today += events

    def close_until(self, reset_at: int) -> None:
        """Send nothing before a moment that the service named."""
        with self._lock:
            self._closed_until = reset_at

    def next_midnight(self) -> int:
        """Return when the day of the service ends, in seconds since 1970 by its clock."""
        return (self._now() // DAY + 1) * DAY

    def ours(self, moment: int) -> int:
        """Return in nanoseconds of our clock when the service's shows so many seconds."""
        return moment * NS - self._drift_ns

    def _refuse_today(self) -> None:
        self._begin_day()
        if self._now() < self._closed_until:
            raise DailyLimitExceededError(
                "the events of today are used up", reset_at=self._closed_until
            )
        if self._per_day is not None and self._today >= self._per_day:
            raise DailyLimitExceededError(
                f"{self._today:,} events were sent today, as many as the tier allows",
                reset_at=self.next_midnight(),
            )

    def _begin_day(self) -> None:
        day = self._now() // DAY
        if day != self._day:
            self._day, self._today = day, 0

    def _now(self) -> int:
        return (self._clock.time_ns() + self._drift_ns) // NS

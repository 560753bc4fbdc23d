"""What time it is where the service is, which need not be what the client believes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from telemetry_core import Clock

_NS = 1_000_000_000
MINUTE = 60
DAY = 86_400


@define(eq=False)
class ServiceTime:
    """The clock of the service.

    :ivar ahead: by how many seconds it differs from the clock of the test, or of the machine.
    """

    _clock: Clock
    ahead: float = 0.0

    def seconds(self) -> float:
        """Return the time in seconds since 1970."""
        return self._clock.time_ns() / _NS + self.ahead

    def now(self) -> str:
        """Return the time as answers have it."""
        return told(self.seconds())

    def next(self, span: int) -> int:
        """Return when the next such span begins, in seconds: a minute or a day, in UTC."""
        return (int(self.seconds()) // span + 1) * span


def told(seconds: float) -> str:
    """Return a moment in ISO 8601."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")

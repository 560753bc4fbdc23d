"""What time it is where the service is, which need not be what the client believes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from telemetry_core import Clock

_NS = 1_000_000_000
MINUTE = 60
DAY = 86_400
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


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


def is_rfc_3339(text: str) -> bool:
    """Tell whether a text is a moment with an offset, as RFC 3339 writes it."""
    if not _RFC_3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True

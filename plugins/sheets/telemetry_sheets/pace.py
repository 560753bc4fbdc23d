"""How many requests a minute are made, so that Google's quota is enough for others too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core import Clock

_MINUTE = 60.0


class Pace:
    """Counts the reads of the last minute; nobody waits here, it only says for how long.

    Google counts reads and writes apart and allows as many of each. A write never comes without a
    read before it, so the reads tell of both.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._clock = clock
        self._reads: deque[float] = deque(maxlen=max(1, per_minute))

    def note(self) -> None:
        """Count a read that is made now."""
        self._reads.append(self._clock.monotonic())

    def wait(self) -> float:
        """Return the seconds until another read may be made."""
        if len(self._reads) < (self._reads.maxlen or 1):
            return 0.0
        return max(0.0, self._reads[0] + _MINUTE - self._clock.monotonic())

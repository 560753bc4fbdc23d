"""How many writes a minute are made, so that Google's quota is enough for others too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core import Clock

_MINUTE = 60.0


class Pace:
    """Counts the writes of the last minute; nobody waits here, it only says for how long."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._clock = clock
        self._writes: deque[float] = deque(maxlen=max(1, per_minute))

    def note(self) -> None:
        """Count a write that is made now."""
        self._writes.append(self._clock.monotonic())

    def wait(self) -> float:
        """Return the seconds until another write may be made."""
        if len(self._writes) < (self._writes.maxlen or 1):
            return 0.0
        return max(0.0, self._writes[0] + _MINUTE - self._clock.monotonic())

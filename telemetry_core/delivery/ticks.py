"""Duties that come round every so many seconds, done by a worker between its steps."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from attrs import define

from telemetry_core.errors import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core.clock import Clock

    Duty = tuple[float, Callable[[], object]]  # every so many seconds, and what is done then


@define
class _Tick:
    period: float
    action: Callable[[], object]
    due: float


class Ticks:
    """Runs each duty once a period, the first time after one; one that raises stops no other."""

    def __init__(
        self,
        duties: Iterable[Duty],
        clock: Clock,
        complain: Callable[[str, str], None],
    ) -> None:
        now = clock.monotonic()
        self._ticks = [_Tick(period, action, now + period) for period, action in duties]
        self._clock = clock
        self._complain = complain

    def run_due(self) -> None:
        """Do what is due."""
        now = self._clock.monotonic()
        for tick in self._ticks:
            if tick.due > now:
                continue
            tick.due = now + tick.period
            try:
                tick.action()
            except BaseException as error:
                self._complain("tick", f"a periodic duty failed: {described(error)}")

    def until_next(self) -> float:
        """Return the seconds until something is due."""
        now = self._clock.monotonic()
        return max(0.0, min((tick.due - now for tick in self._ticks), default=inf))

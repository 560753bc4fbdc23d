"""Two lanes of events in memory, for shippers that are built by hand; the sink has the spool."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from telemetry_core import SystemClock
from telemetry_raxe.back_pressure import CRITICAL_SIZE, STANDARD_SIZE, fill_of, is_kept
from telemetry_raxe.event_types import CRITICAL, STANDARD
from telemetry_raxe.events import completed
from telemetry_raxe.privacy_check import refuse_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telemetry_core import Clock


class DualQueue:
    """Holds critical and standard events, each once by its id, oldest first. For any thread.

    A full standard lane makes room by dropping its oldest event. A critical event is never dropped
    for another: where its lane is full it takes the room of standard events, the oldest first, and
    is refused when there is none left.

    :param back_pressure: whether scans, feature usage and heartbeats are thinned out as the
        standard lane fills: from 80 % on half of them are kept, from 90 % on a fifth, then none.
    :param privacy_check: whether an event with something private in it is refused.
    :ivar dropped: how many events were not taken, or made room.
    """

    def __init__(
        self,
        critical_size: int = CRITICAL_SIZE,
        standard_size: int = STANDARD_SIZE,
        *,
        back_pressure: bool = True,
        privacy_check: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.dropped = 0
        self._sizes = {CRITICAL: critical_size, STANDARD: standard_size}
        self._lanes: dict[str, OrderedDict[str, dict[str, Any]]] = {
            CRITICAL: OrderedDict(),
            STANDARD: OrderedDict(),
        }
        self._back_pressure = back_pressure
        self._privacy_check = privacy_check
        self._clock: Clock = clock or SystemClock()
        self._lock = threading.Lock()

    def put(self, event: Mapping[str, Any]) -> bool:
        """Take an event, what it lacks filled in; false when it is dropped.

        Raises `PrivacyViolationError` where that is checked, and `ShipperError` for what is no
        event.
        """
        whole = completed(event, self._clock.time_ns())
        if self._privacy_check:
            refuse_private(whole)
        lane = CRITICAL if whole["priority"] == CRITICAL else STANDARD
        event_id = str(whole["event_id"])
        with self._lock:
            if event_id in self._lanes[lane]:
                return True
            if not self._has_room(lane, whole):
                self.dropped += 1
                return False
            self._lanes[lane][event_id] = whole
            return True

    def peek(self, most: int) -> list[dict[str, Any]]:
        """Return the next events, critical ones first; they stay until they are removed."""
        with self._lock:
            return [event for lane in self._lanes.values() for event in lane.values()][:most]

    def remove(self, ids: Iterable[str]) -> None:
        """Let go of the events of these ids."""
        with self._lock:
            for event_id in ids:
                for lane in self._lanes.values():
                    lane.pop(event_id, None)

    def figures(self) -> dict[str, int]:
        """Return how many events wait, as an envelope says it."""
        with self._lock:
            return {
                "critical_pending": len(self._lanes[CRITICAL]),
                "standard_pending": len(self._lanes[STANDARD]),
                "dlq_size": 0,
            }

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def _has_room(self, lane: str, event: Mapping[str, Any]) -> bool:
        critical, standard = self._lanes[CRITICAL], self._lanes[STANDARD]
        sizes = self._sizes[CRITICAL], self._sizes[STANDARD]
        fill = fill_of(len(critical), len(standard), sizes)
        if self._back_pressure and not is_kept(event, fill):
            return False
        if len(self) < sum(sizes) and (lane == CRITICAL or len(standard) < sizes[1]):
            return True
        if not standard:
            return False
        standard.popitem(last=False)
        self.dropped += 1
        return True

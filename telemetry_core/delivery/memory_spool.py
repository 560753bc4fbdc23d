"""Holds records in memory, for sinks that want no disk and for disks that take nothing."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from telemetry_core.records import Record

MAX_RECORDS = 256

_log = get_logger("telemetry_core.memory_spool")


class _Queue:
    """One lane: what nobody has read yet, and what was taken and is not settled."""

    __slots__ = ("size", "taken", "unread")

    def __init__(self) -> None:
        self.unread: deque[Record] = deque()
        self.taken: dict[str, Record] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self.unread) + len(self.taken)

    def measure(self) -> None:
        """Add up the bytes anew; writers only ever add to the sum, and two at once lose one."""
        waiting = (*self.unread.copy(), *self.taken.values())
        self.size = sum(record.size for record in waiting)


class MemorySpool:
    """A bounded queue for many writers and one reader; when it is full the newest is dropped.

    Each lane has the bounds for itself, so that standard records never push out critical ones.
    Writers take no lock: a signal handler may put while the program it interrupted puts. The
    bounds are therefore kept to within what several threads add in the same instant.
    """

    def __init__(self, max_records: int = MAX_RECORDS, max_bytes: int = 16 * 1024 * 1024) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._queues = {lane: _Queue() for lane in (Lane.CRITICAL, Lane.STANDARD)}
        self.dropped = 0

    def put(self, record: Record) -> bool:
        """Add a record; false when there was no room and it was dropped."""
        queue = self._queues[record.lane]
        if len(queue) >= self._max_records or queue.size + record.size > self._max_bytes:
            self._drop()
            return False
        queue.size += record.size
        queue.unread.append(record)
        return True

    def take(self, limit: int, max_bytes: int) -> list[Record]:
        """Read on: critical first, at least one record even if it is larger than `max_bytes`."""
        records: list[Record] = []
        room = max_bytes
        for queue in self._queues.values():
            while queue.unread and len(records) < limit:
                record = queue.unread[0]  # only the reader removes, so it is still the first below
                if records and record.size > room:
                    return records
                queue.taken[record.id] = record
                queue.unread.popleft()
                records.append(record)
                room -= record.size
        return records

    def settle(self, ids: Iterable[str]) -> None:
        """Forget records that are done with."""
        done = tuple(ids)
        for queue in self._queues.values():
            for record_id in done:
                queue.taken.pop(record_id, None)
            queue.measure()

    def rewind(self) -> None:
        """Let the next take begin at the first unsettled record again."""
        for queue in self._queues.values():
            queue.unread.extendleft(reversed(queue.taken.values()))
            queue.taken = {}

    def pending(self, at_most: int = sys.maxsize, *, lanes: Collection[Lane] = tuple(Lane)) -> int:
        """Return how many records are not settled, so many at most."""
        return min(at_most, sum(len(self._queues[lane]) for lane in lanes))

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            _log.debug("the memory spool is full; records are dropped and counted from here on")

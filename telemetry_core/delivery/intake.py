"""The core's own listener, always the first: it writes what it hears to the spool."""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core.clock import NS_PER_MS, iso8601, parse_iso8601
from telemetry_core.codec import decode, encode
from telemetry_core.ids import derived_id
from telemetry_core.models import EXCEPTION, RunRecord
from telemetry_core.records import Kind, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.delivery.alarm import Alarm
    from telemetry_core.delivery.memory_spool import MemorySpool
    from telemetry_core.ids import IdSource
    from telemetry_core.models import RunEvent

_CRITICAL = Lane.CRITICAL
_EVENT = Kind.EVENT
_MOST_REMEMBERED_TYPES = 4096


class _OpenRun(NamedTuple):
    """A run that started here and has not ended, with what its start record was."""

    record_id: str
    seq: int
    time_ns: int
    run: RunRecord


class Intake:
    """Gives each moment a sequence number and a lane, and appends it; the way in."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        alarm: Alarm,
        *,
        critical: Sequence[str] = (),
        memory_spools: Sequence[MemorySpool] = (),
    ) -> None:
        self._put: Callable[[Lane, bytes], bool] | None = None
        self._critical_number: Callable[[], int] = int
        self._clock = clock
        self._ids = ids
        self._alarm = alarm
        self._critical = (EXCEPTION, *critical)
        self._lanes: dict[str, Lane] = {}
        self._memory_spools = tuple(memory_spools)
        self._seq = itertools.count(1)
        self._open: dict[str, _OpenRun] = {}

    def write_to(
        self, put: Callable[[Lane, bytes], bool], critical_number: Callable[[], int]
    ) -> None:
        """Append to a spool from now on; `critical_number` tells when its critical lane rolled."""
        self._put = put
        self._critical_number = critical_number

    # -- what it hears

    def on_start_run(self, run: RunRecord) -> None:
        """Write a run's start, and remember it until it ends."""
        now = self._clock.time_ns()
        opened = _OpenRun(self._ids.event_id(now), next(self._seq), now, run)
        self._open[run.event_id] = opened  # before the write: a roll must not miss it
        self._write(encode(opened.record_id, Kind.START_RUN, opened.seq, now, run), _CRITICAL)

    def on_event(self, event: RunEvent, _run: RunRecord | None = None) -> None:
        """Write an event."""
        lane = self._lanes.get(event.event_type) or self._judge(event.event_type)
        self._write(encode(event.event_id, _EVENT, next(self._seq), event.time_ns, event), lane)

    def on_end_run(self, run: RunRecord) -> None:
        """Write a run's end; again, as a repetition, when the lane rolled meanwhile.

        The roll may have repeated the start in a segment that outlives the one with the end.
        """
        now = self._clock.time_ns()
        record_id, seq = self._ids.event_id(now), next(self._seq)
        segment = self._critical_number()
        self._write(encode(record_id, Kind.END_RUN, seq, now, run), _CRITICAL)
        self._open.pop(run.event_id, None)
        if self._critical_number() != segment and self._put is not None:
            self._put(_CRITICAL, encode(record_id, Kind.END_RUN, seq, now, run, repeat=True))

    def update_run(self, run: RunRecord) -> None:
        """Write what a run is like now; no listener hears of it."""
        now = self._clock.time_ns()
        line = encode(self._ids.event_id(now), Kind.UPDATE_RUN, next(self._seq), now, run)
        self._write(line, _CRITICAL)

    def close_orphan(self, run: RunRecord, last_ns: int) -> None:
        """Write the inferred end of a run whose program is gone, always under the same id.

        It ended when the last was heard of that program, for all that anybody knows.
        """
        start_ns = _read_time(run.start_time, last_ns)
        end_ns = max(start_ns, last_ns)
        run.status, run.inferred = "cancelled", True
        run.end_time, run.duration_ms = iso8601(end_ns), (end_ns - start_ns) // NS_PER_MS
        record_id = derived_id(run.event_id, "orphan")
        line = encode(record_id, Kind.END_RUN, next(self._seq), self._clock.time_ns(), run)
        self._write(line, _CRITICAL)

    # -- for the spool

    def preface(self) -> Iterator[bytes]:
        """Give the starts of the runs still open, for the head of a new critical segment."""
        for opened in tuple(self._open.values()):
            yield encode(
                opened.record_id,
                Kind.START_RUN,
                opened.seq,
                opened.time_ns,
                opened.run,
                repeat=True,
            )

    def open_runs(self) -> list[RunRecord]:
        """Return the runs that were started in this process and have not ended."""
        return [opened.run for opened in tuple(self._open.values())]

    def _write(self, line: bytes, lane: Lane) -> None:
        if self._put is not None:
            self._put(lane, line)
        if self._memory_spools:
            for memory in self._memory_spools:
                memory.put(decode(line, lane))
        if self._alarm.waiting:
            self._alarm.ring()

    def _judge(self, event_type: str) -> Lane:
        """Decide an event type's lane once and remember it."""
        critical = any(fnmatchcase(event_type, pattern) for pattern in self._critical)
        if len(self._lanes) < _MOST_REMEMBERED_TYPES:
            self._lanes[event_type] = Lane.CRITICAL if critical else Lane.STANDARD
        return Lane.CRITICAL if critical else Lane.STANDARD


def _read_time(text: str, otherwise: int) -> int:
    """Read a time that some program wrote down, if it is one."""
    try:
        return parse_iso8601(text)
    except ValueError:
        return otherwise

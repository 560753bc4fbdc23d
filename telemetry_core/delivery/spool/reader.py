"""Reads one lane of one folder for one sink, and knows what of it is settled."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING

from telemetry_core import codec
from telemetry_core.delivery.spool.cursor import Position
from telemetry_core.delivery.spool.folder import MOST_OPEN
from telemetry_core.delivery.spool.frame import salvage, unframe
from telemetry_core.errors import InvalidRecordError
from telemetry_core.files import DAMAGED
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.delivery.spool.segment import Segment
    from telemetry_core.records import Lane, Record

logger = get_logger("telemetry_core.spool")

CHUNK = 256 * 1024
MOST_IN_FLIGHT = 20_000


class LaneReader:
    """Reads on from a cursor, never stops at damage, and moves the cursor over what is settled."""

    def __init__(self, folder: Folder, lane: Lane, sink: str) -> None:
        self.folder = folder
        self.lane = lane
        self.sink = sink
        self._positions = folder.cursor(sink).positions
        self._settled = folder.cursor(sink).settled[lane]
        self._at = self._positions[lane]
        # A line and where it ends; a record, if it was one, and the segment and offset of its
        # end, to which its settling moves the cursor. Plain tuples: there is one a record.
        self._lines: deque[tuple[bytes, int]] = deque()
        self._flight: deque[tuple[str | None, int, int]] = deque()
        self._flying: set[str] = set()
        self._put_back: Record | None = None

    def next(self) -> Record | None:
        """Return the next record that is not settled; nothing at the end for now."""
        if self._put_back is not None:
            again, self._put_back = self._put_back, None
            return again
        while len(self._flight) < MOST_IN_FLIGHT and (self._lines or self._fill()):
            raw, end = self._lines.popleft()
            segment = self._at.segment
            record = self._read(raw, end)
            if record is None or record.id in self._flying:  # a second one settles with the first
                self._flight.append((None, segment, end))
            else:
                self._flight.append((record.id, segment, end))
                self._flying.add(record.id)
                if record.id not in self._settled:
                    return record
            self._advance()
        return None

    def put_back(self, record: Record) -> None:
        """Give back the record taken last; it is the next one again."""
        self._put_back = record

    def settle(self, ids: set[str]) -> None:
        """Mark records of this lane as done and move the cursor over the contiguous ones."""
        self._settled |= ids
        if self.folder.dropped:
            self._take_back_drops(ids)
        self._advance()

    def at_end(self) -> bool:
        """Whether everything there is was taken and settled."""
        if self._flight or self._lines or self._fill():
            return False
        segment = self.folder.segment_from(self.lane, self._at.segment)
        if segment is not None and not segment.ours:
            self._count_torn(segment)
        return True

    def _advance(self) -> None:
        flight, settled = self._flight, self._settled
        segment = end = -1
        while flight and (flight[0][0] is None or flight[0][0] in settled):
            record_id, segment, end = flight.popleft()
            if record_id is not None:
                settled.discard(record_id)
                self._flying.discard(record_id)
        if end >= 0:
            self._positions[self.lane] = Position(segment, end)

    def _take_back_drops(self, ids: set[str]) -> None:
        """Count no longer as lost what arrived although its segment was dropped for room."""
        for record_id, segment, _end in self._flight:
            if record_id in ids and (self.lane, segment) in self.folder.dropped:
                self.folder.lost[self.sink] -= 1

    def _read(self, raw: bytes, end: int) -> Record | None:
        line = unframe(raw)
        if line is None:
            line = salvage(raw)
            self._set_aside(raw, end, lost=line is None)
        if line is None or codec.is_repeat(line):
            return None
        try:
            return codec.decode(line, self.lane)
        except InvalidRecordError:
            self._set_aside(raw, end, lost=True)
            return None

    def _fill(self) -> bool:
        """Read more whole lines, moving to the next segment when this one can grow no more."""
        while True:
            segment = self.folder.segment_from(self.lane, self._at.segment)
            if segment is None:
                return False
            if segment.number != self._at.segment:
                self._at = Position(segment.number)
            finished = segment.sealed  # asked before reading: what is read after is all there is
            if self._read_lines(segment):
                return True
            following = self.folder.segment_from(self.lane, segment.number + 1)
            if following is None or not finished:
                return False
            self._leave(segment, following)

    def _read_lines(self, segment: Segment) -> bool:
        size = CHUNK
        while True:
            chunk = segment.read(self._at.offset, size)
            whole = chunk.rfind(b"\n") + 1
            if whole or len(chunk) < size:
                break
            size *= 4  # one record longer than the chunk
        offset = self._at.offset
        for raw in chunk[: whole - 1].split(b"\n") if whole else ():
            offset += len(raw) + 1
            self._lines.append((raw, offset))
        self._at = Position(segment.number, offset)
        return bool(whole)

    def _leave(self, segment: Segment, following: Segment) -> None:
        self._count_torn(segment)
        newest = max(tuple(self.folder.segments[self.lane]), default=0)
        if not segment.ours or segment.number + MOST_OPEN < newest:
            segment.close()
        self._at = Position(following.number)
        self._flight.append((None, *self._at))
        self._advance()

    def _count_torn(self, segment: Segment) -> None:
        """Count what follows the last line feed: never accepted, and nobody will finish it."""
        if segment.size() > self._at.offset:
            self.folder.torn.add((self.lane, segment.number))

    def _set_aside(self, raw: bytes, end: int, *, lost: bool) -> None:
        self.folder.lost[self.sink] += lost
        segment = self._at.segment
        place = (self.lane, segment)
        seen_to = self.folder.damage_seen.get(place, -1)
        if end <= seen_to:
            return  # another sink's reader was here before
        self.folder.damage_seen[place] = end
        name = f"{self.folder.path.name}-{self.lane.value}-{segment:06d}.lines"
        if seen_to < 0:
            logger.warning("damaged lines of the spool are kept in %s/%s", DAMAGED, name)
        keep_damaged_line(self.folder.path.parent.parent / DAMAGED, name, raw)


def keep_damaged_line(directory: Path, name: str, raw: bytes) -> None:
    """Add a line that nobody can read to a file for such; it never stops a reader."""
    with contextlib.suppress(OSError):
        os.makedirs(directory, 0o700, exist_ok=True)
        descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, raw + b"\n")
        finally:
            os.close(descriptor)

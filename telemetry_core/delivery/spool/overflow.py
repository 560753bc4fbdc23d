"""Where records stay while the disk takes none: a folder in memory, of a bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_core import codec
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.cursor import Cursor
from telemetry_core.delivery.spool.folder import Folder
from telemetry_core.delivery.spool.frame import frame, unframe
from telemetry_core.delivery.spool.segment import Segment
from telemetry_core.models import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.delivery.spool.owner import Owner

MEMORY_BYTES = 16 * 1024 * 1024
NOWHERE = Path("memory")


class MemorySegment(Segment):
    """A lane of the overflow, read like a file."""

    __slots__ = ("_bytes",)

    def __init__(self, lane: Lane) -> None:
        super().__init__(NOWHERE / lane.value, lane, 1)
        self._bytes = bytearray()

    def append(self, line: bytes) -> None:
        """Add one record; a single step of the interpreter, safe between threads."""
        self._bytes.extend(frame(line))

    def read(self, offset: int, size: int) -> bytes:
        """Return up to so many bytes from an offset."""
        return bytes(self._bytes[offset : offset + size])

    def size(self) -> int:
        """Return its length in bytes."""
        return len(self._bytes)


class _FleetingCursor(Cursor):
    """A cursor that nobody will ask for after this process."""

    def save(self) -> bool:
        """Keep it in memory."""
        return True


class Overflow(Folder):
    """Records that are not on the disk: delivered from here, and poured back when it recovers.

    What is left here at the end of the process was never accepted and is counted as lost.
    """

    def __init__(self, owner: Owner) -> None:
        super().__init__(NOWHERE, OwnerLock(NOWHERE), owner)
        self._lanes = {lane: MemorySegment(lane) for lane in Lane}
        for segment in self._lanes.values():
            self.add(segment)

    def put(self, lane: Lane, line: bytes) -> bool:
        """Keep a record; false when there is no room."""
        segment = self._lanes[lane]
        if segment.size() + len(line) > MEMORY_BYTES:
            return False
        segment.append(line)
        return True

    def unsettled(self) -> Iterator[tuple[Lane, bytes, str, list[str]]]:
        """Give lane, line and id of each record that some sink is still owed, and who is not."""
        for segment in self.all_segments():
            offset = 0
            for raw in segment.read(0, segment.size()).split(b"\n"):
                offset += len(raw) + 1
                line = unframe(raw)
                if line is not None:
                    record_id = codec.decode(line, segment.lane).id
                    settled = self._settled_by(segment.lane, record_id, offset)
                    if len(settled) < len(self.owner.owed):
                        yield segment.lane, line, record_id, settled

    def _settled_by(self, lane: Lane, record_id: str, end: int) -> list[str]:
        cursors = {sink: self.cursor(sink) for sink in self.owner.owed}
        return [
            sink
            for sink, cursor in cursors.items()
            if end <= cursor.positions[lane].offset or record_id in cursor.settled[lane]
        ]

    def cursor(self, sink: str) -> Cursor:
        """Return the one cursor of a sink, which is not written anywhere."""
        if sink not in self._cursors:
            self._cursors[sink] = _FleetingCursor(NOWHERE / sink)
        return self._cursors[sink]

    def release_segments(self) -> None:
        """Keep everything; an emptied overflow is thrown away as a whole."""

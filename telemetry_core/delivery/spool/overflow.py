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
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.delivery.spool.owner import Owner

MEMORY_BYTES = 16 * 1024 * 1024
NOWHERE = Path("memory")


class MemorySegment(Segment):
    """A lane of the overflow, read like a file."""

    __slots__ = ("_bytes", "_start")

    def __init__(self, lane: Lane) -> None:
        super().__init__(NOWHERE / lane.value, lane, 1)
        self._bytes = bytearray()
        self._start = 0

    def append(self, line: bytes) -> None:
        """Add one record; a single step of the interpreter, safe between threads."""
        self._bytes.extend(frame(line))

    def read(self, offset: int, size: int, *, keep: bool = True) -> bytes:  # noqa: ARG002
        """Return up to so many bytes from an offset."""
        with self._guard:
            begin = max(0, offset - self._start)
            return bytes(self._bytes[begin : begin + size])

    def forget(self, offset: int) -> None:
        """Let go of what is before an offset."""
        with self._guard:
            del self._bytes[: max(0, offset - self._start)]
            self._start = max(self._start, offset)

    @property
    def held(self) -> int:
        """How many bytes are in memory."""
        return len(self._bytes)

    @property
    def start(self) -> int:
        """The offset of the first byte that is in memory."""
        return self._start

    def size(self) -> int:
        """Return the offset behind its last byte."""
        return self._start + len(self._bytes)

    def linked(self) -> bool:
        """Whether it can go on: always."""
        return True


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
        if segment.held + len(line) > MEMORY_BYTES:
            return False
        segment.append(line)
        return True

    def unsettled(self) -> Iterator[tuple[Lane, bytes, str, list[str]]]:
        """Give lane, line and id of each record that some sink is still owed, and who is not."""
        for lane, segment in self._lanes.items():
            offset = segment.start
            for raw in segment.read(offset, segment.held).split(b"\n"):
                offset += len(raw) + 1
                line = unframe(raw)
                if line is not None:
                    record_id = codec.decode(line, lane).id
                    settled = self._settled_by(lane, record_id, offset)
                    if len(settled) < len(self.owner.owed):
                        yield lane, line, record_id, settled

    def _settled_by(self, lane: Lane, record_id: str, end: int) -> list[str]:
        cursors = {sink: self.cursor(sink) for sink in self.owner.owed}
        return [
            sink
            for sink, cursor in cursors.items()
            if end <= cursor.positions[lane].offset or record_id in cursor.settled[lane]
        ]

    def cursor(self, sink: str) -> Cursor:
        """Return the one cursor of a sink, which is not written anywhere."""
        return self._cursors.setdefault(sink, _FleetingCursor(NOWHERE / sink))

    def release_segments(self) -> None:
        """Let go of what every owed sink is past."""
        for lane, segment in self._lanes.items():
            cursors = [self.cursor(sink) for sink in self.owner.owed]
            segment.forget(min((c.positions[lane].offset for c in cursors), default=0))

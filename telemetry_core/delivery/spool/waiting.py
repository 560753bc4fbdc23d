"""The records of a folder that wait, each with the sinks that are owed it; nothing is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telemetry_core.codec import decode, is_repeat
from telemetry_core.delivery.spool.cursor import Position
from telemetry_core.delivery.spool.frame import salvage, unframe
from telemetry_core.errors import InvalidRecordError
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.delivery.spool.segment import Segment
    from telemetry_core.records import Record

_CHUNK = 1 << 20


class Waiting(NamedTuple):
    """A record that is not settled by all who are owed it."""

    record: Record
    sinks: tuple[str, ...]


def waiting(folder: Folder, lane: Lane, sinks: Iterable[str]) -> Iterator[Waiting]:
    """Give each readable record of a lane that one of these sinks has yet to settle, in order."""
    cursors = {sink: folder.cursor(sink) for sink in sinks}
    if not cursors:
        return
    begin = min(cursor.positions[lane] for cursor in cursors.values())
    for raw, end in lines(folder, lane, begin):
        record = _read(raw, lane)
        if record is None:
            continue
        owed = tuple(
            sink
            for sink, cursor in cursors.items()
            if end > cursor.positions[lane] and record.id not in cursor.settled[lane]
        )
        if owed:
            yield Waiting(record, owed)


def anything_waits(folder: Folder, sink: str) -> bool:
    """Say whether a sink has yet to settle anything, where a count could say too little.

    What was dropped for room may have been settled before, and a count subtracts it from the rest.
    """
    cursor = folder.cursor(sink)
    return any(
        _waits(raw, lane, cursor.settled[lane])
        for lane in Lane
        for raw, _end in lines(folder, lane, cursor.positions[lane])
    )


def _waits(raw: bytes, lane: Lane, settled: set[str]) -> bool:
    line = unframe(raw) or salvage(raw)
    if line is None or is_repeat(line):
        return line is None  # a damaged one is for a reader to count
    try:
        return decode(line, lane).id not in settled
    except InvalidRecordError:
        return True


def lines(folder: Folder, lane: Lane, begin: Position) -> Iterator[tuple[bytes, Position]]:
    """Give the whole lines of a lane from a position on, each with the position of its end."""
    segment = folder.segment_from(lane, begin.segment)
    while segment is not None:
        offset = begin.offset if segment.number == begin.segment else 0
        for raw in _whole_lines(segment, offset):
            offset += len(raw) + 1
            yield raw, Position(segment.number, offset)
        segment = folder.segment_from(lane, segment.number + 1)


def _whole_lines(segment: Segment, offset: int) -> Iterator[bytes]:
    size = _CHUNK
    while content := segment.read(offset, size):
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and len(content) < size:
            return
        size = _CHUNK if whole else 2 * size  # a line may be longer than a chunk
        offset += len(whole)
        yield from whole.split(b"\n")[:-1]


def _read(raw: bytes, lane: Lane) -> Record | None:
    line = unframe(raw) or salvage(raw)
    if line is None or is_repeat(line):
        return None
    try:
        return decode(line, lane)
    except InvalidRecordError:
        return None

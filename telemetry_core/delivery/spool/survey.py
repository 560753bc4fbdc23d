"""Looks at the folders of a spool from outside: whose they are and what waits; takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core.codec import decode, is_repeat
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.folder import Folder, is_folder_name, lock_path
from telemetry_core.delivery.spool.frame import unframe
from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError
from telemetry_core.errors import InvalidRecordError
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from telemetry_core.delivery.spool.segment import Segment

_CHUNK = 1 << 20


@define(frozen=True)
class Backlog:
    """What one folder owes one sink."""

    records: int
    oldest_ns: int | None = None


@define(frozen=True)
class FolderView:
    """One folder as it stands.

    :ivar alive: its owner, or whoever adopted it, holds the lock and delivers what waits.
    :ivar waiting: by sink, only where something waits.
    :ivar problem: why nothing more is known of it.
    """

    path: Path
    alive: bool
    service: str = ""
    pid: int = 0
    waiting: Mapping[str, Backlog] = field(factory=dict)
    problem: str = ""

    @property
    def pending(self) -> int:
        """How many records wait, each counted for every sink it is owed to."""
        return sum(waiting.records for waiting in self.waiting.values())


def survey(spool: Path) -> list[FolderView]:
    """Return every folder of a spool, in the order of their names."""
    try:
        paths = sorted(
            path for path in spool.iterdir() if is_folder_name(path.name) and path.is_dir()
        )
    except OSError:
        return []
    return [view for path in paths if (view := _view(path)) is not None]


def _view(path: Path) -> FolderView | None:
    try:
        alive = _is_held(path)
        owner = Owner.load(path)
        if owner is None:
            return FolderView(path, alive, problem="it does not say whose it is")
        folder = Folder.open(path, OwnerLock(lock_path(path)), owner)
        try:
            waiting = {sink: _waiting(folder, sink) for sink in owner.owed}
        finally:
            folder.close()
    except FileNotFoundError:  # its owner was done with it meanwhile
        return None
    except (OSError, UnknownFormatError) as error:
        return FolderView(path, alive=False, problem=str(error))
    waiting = {sink: view for sink, view in waiting.items() if view.records}
    return FolderView(path, alive, owner.service, owner.pid, waiting)


def _is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock, by holding it for a moment if nobody does."""
    lock = OwnerLock(lock_path(path))
    if not lock.path.exists():
        return False
    if not lock.acquire():
        return True
    lock.release()
    return False


def _waiting(folder: Folder, sink: str) -> Backlog:
    times = [time for lane in Lane if (time := _oldest(folder, lane, sink)) is not None]
    return Backlog(folder.unread(sink), min(times, default=None))


def _oldest(folder: Folder, lane: Lane, sink: str) -> int | None:
    """Return the time of the first record that the sink has not settled, looking one chunk far."""
    cursor = folder.cursor(sink)
    at = cursor.positions[lane]
    segment = folder.segment_from(lane, at.segment)
    while segment is not None:
        offset = at.offset if segment.number == at.segment else 0
        for record_id, time_ns in _records(segment, offset):
            if record_id not in cursor.settled[lane]:
                return time_ns
        segment = folder.segment_from(lane, segment.number + 1)
    return None


def _records(segment: Segment, offset: int) -> Iterator[tuple[str, int]]:
    content = segment.read(offset, _CHUNK)
    for raw in content[: content.rfind(b"\n") + 1].split(b"\n"):
        line = unframe(raw)
        if line is None or is_repeat(line):
            continue
        try:
            record = decode(line, segment.lane)
        except InvalidRecordError:
            continue
        yield record.id, record.time_ns

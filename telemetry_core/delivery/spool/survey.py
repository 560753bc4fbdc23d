"""Looks at the folders of a spool from outside: whose they are and what waits; takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.folder import Folder, is_folder_name, lock_path
from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError
from telemetry_core.delivery.spool.room import bytes_by_lane
from telemetry_core.delivery.spool.waiting import waiting
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@define(frozen=True)
class Backlog:
    """What one folder owes one sink, and each of its lanes."""

    records: int
    oldest_ns: int | None = None
    lanes: Mapping[Lane, Backlog] = field(factory=dict)


@define(frozen=True)
class FolderView:
    """One folder as it stands.

    :ivar alive: its owner, or whoever adopted it, holds the lock and delivers what waits.
    :ivar owed: the sinks that were active when it was filled.
    :ivar waiting: by sink, only where something waits.
    :ivar changed_ns: when something was last written to it.
    :ivar problem: why nothing more is known of it.
    """

    path: Path
    alive: bool
    service: str = ""
    pid: int = 0
    owed: tuple[str, ...] = ()
    waiting: Mapping[str, Backlog] = field(factory=dict)
    bytes: int = 0
    changed_ns: int = 0
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
    alive = False
    try:
        alive = is_held(path)
        size = sum(bytes_by_lane(path).values())
        owner = Owner.load(path)
        if owner is None:
            return FolderView(path, alive, bytes=size, problem="it does not say whose it is")
        folder = Folder.open(path, OwnerLock(lock_path(path)), owner)
        try:
            backlogs = {sink: _waiting(folder, sink) for sink in owner.owed}
            changed = folder.changed_ns()
        finally:
            folder.close()
    except FileNotFoundError:  # its owner was done with it meanwhile
        return None
    except (OSError, UnknownFormatError) as error:
        return FolderView(path, alive, problem=str(error))
    backlogs = {sink: backlog for sink, backlog in backlogs.items() if backlog.records}
    owed = tuple(owner.owed)
    return FolderView(path, alive, owner.service, owner.pid, owed, backlogs, size, changed)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock, by holding it for a moment if nobody does."""
    lock = OwnerLock(lock_path(path))
    if not lock.path.exists():
        return False
    if not lock.acquire():
        return True
    lock.release()
    return False


def _waiting(folder: Folder, sink: str) -> Backlog:
    lanes = {lane: _in_lane(folder, sink, lane) for lane in Lane}
    times = [lane.oldest_ns for lane in lanes.values() if lane.oldest_ns is not None]
    return Backlog(sum(lane.records for lane in lanes.values()), min(times, default=None), lanes)


def _in_lane(folder: Folder, sink: str, lane: Lane) -> Backlog:
    first = next(waiting(folder, lane, (sink,)), None)
    return Backlog(folder.unread(sink, lanes=(lane,)), first and first.record.time_ns)

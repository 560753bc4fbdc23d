"""Drops what a sink is still owed, in the folders that nobody owns any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.adoption import is_left
from telemetry_core.delivery.spool.folder import Folder, lock_path
from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError

if TYPE_CHECKING:
    from pathlib import Path

ALIVE = "its program is alive and delivers it"
NOT_OURS = "it does not say whose it is"


@define(frozen=True)
class Purged:
    """What became of one folder: how many records were dropped, or why it was left alone."""

    path: Path
    records: int = 0
    left: str = ""


def purge(path: Path, sink: str, *, dry_run: bool = False) -> Purged:
    """Drop what a folder owes a sink; what it owes others stays. With `dry_run` only count it.

    Killed in the middle it has dropped the sink's records or not, and nothing of another's: the
    owner's word changes in one step, and a segment is deleted only when nobody else is owed it.
    """
    lock = OwnerLock(lock_path(path))
    try:
        if not path.is_dir():
            return Purged(path)
        if not lock.acquire():
            return Purged(path, left=ALIVE)
        owner = Owner.load(path)
        if owner is None:
            return Purged(path, left=NOT_OURS)
        if not is_left(path.parent, lock, owner):
            return Purged(path, left=ALIVE)
        folder = Folder.open(path, lock, owner)
        records = folder.unread(sink) if sink in owner.owed else 0
        if not dry_run and (records or list(owner.owed) == [sink]):
            _drop(folder, sink)
        folder.close()
    except (OSError, UnknownFormatError) as error:
        return Purged(path, left=str(error))
    else:
        return Purged(path, records)
    finally:
        lock.release()


def _drop(folder: Folder, sink: str) -> None:
    """Owe the sink nothing more; without another one there is no reason for the folder.

    Raises `OSError` where the disk does not take that.
    """
    if list(folder.owner.owed) == [sink]:
        folder.remove()
    elif folder.forget_sink(sink):
        folder.release_segments()
    else:
        raise OSError("the disk takes no files; make room")

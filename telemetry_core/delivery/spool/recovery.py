"""Brings a writer back to the disk: after its refusals, and when its folder was taken away."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from attrs import evolve

from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.folder import CURSORS
from telemetry_core.delivery.spool.segment import segment_name
from telemetry_core.errors import SpoolError
from telemetry_core.files import replace_file
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core.delivery.spool.folder import Folder
    from telemetry_core.delivery.spool.writer import SpoolWriter

logger = get_logger("telemetry_core.spool")

_PROBE_BYTES = 8192


def pour_back(writer: SpoolWriter) -> None:
    """Move what is in memory to the disk, and what each sink had settled of it along."""
    if not _disk_takes_records(writer):
        return
    overflow = writer.take_overflow()
    if overflow is None:
        return
    for lane, line, record_id, settled in overflow.unsettled():
        target = writer.folder if writer.overflow is None else writer.overflow
        marks = _marks(target, settled, lane)
        for mark in marks:
            mark.add(record_id)
        writer.put(lane, line)
        if writer.overflow not in {None, target}:  # the disk refuses it again
            for mark in marks:
                mark.discard(record_id)
            for mark in _marks(writer.overflow, settled, lane):
                mark.add(record_id)
    if writer.folder is not None:
        writer.folder.save_cursors()


def _marks(folder: Folder | None, sinks: Iterable[str], lane: Lane) -> list[set[str]]:
    """Return what these sinks have settled there; without it a record comes twice, never not."""
    marks: list[set[str]] = []
    if folder is not None:
        with contextlib.suppress(OSError):
            marks.extend(folder.cursor(sink).settled[lane] for sink in sinks)
    return marks


def _disk_takes_records(writer: SpoolWriter) -> bool:
    if not writer.enter():
        return False
    try:
        folder = writer.open_folder()
    except (OSError, SpoolError):
        return False
    finally:
        writer.leave()
    return replace_file(folder.path / "probe", bytes(_PROBE_BYTES))


def begin_anew(writer: SpoolWriter, folder: Folder) -> None:
    """Give the folder a new place when somebody took the old one, or a segment, away.

    New records go there at once; what is unread is carried over from the open descriptors, once
    no thread can append to it any more.
    """
    if not writer.enter():
        return
    try:
        if not folder.path.is_dir():
            _move(writer, folder)
        elif not folder.lock.path.exists():
            _lock_again(folder)
        folder.let_go_of_cursors()
        _leave_unlinked_segments(writer, folder)
        writer.sync()  # what has yet to be synced is kept open, and could be appended to
        for segment in folder.all_segments():
            if segment.sealed and not segment.linked():
                segment.copy_to(folder.path / segment_name(segment.lane, segment.number))
    except (OSError, SpoolError) as error:
        logger.debug("%s was removed and cannot be made anew: %s", folder.path, error)
    finally:
        writer.leave()


def _leave_unlinked_segments(writer: SpoolWriter, folder: Folder) -> None:
    for lane, appender in ((Lane.CRITICAL, writer.critical), (Lane.STANDARD, writer.standard)):
        if appender.segment is not None and not appender.segment.linked():
            writer.next_segment(folder, lane, appender)


def _move(writer: SpoolWriter, folder: Folder) -> None:
    logger.warning("the spool folder %s was removed; its unread records move", folder.path)
    fresh = writer.new_folder(evolve(folder.owner))
    folder.lock.release()
    folder.path, folder.lock = fresh.path, fresh.lock
    for sink in folder.owner.owed:
        cursor = folder.cursor(sink)
        cursor.move_to(folder.path / CURSORS / cursor.path.name)
        cursor.save()


def _lock_again(folder: Folder) -> None:
    """Take a new lock when somebody tidied the old one's file away."""
    lock = OwnerLock(folder.lock.path)
    if lock.acquire():
        folder.lock.release()
        folder.lock = lock

"""Finds the folders that nobody owns any more and takes them over."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from telemetry_core import codec
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.cursor import remove_cursors
from telemetry_core.delivery.spool.folder import (
    CURSORS,
    LOCK_SUFFIX,
    Folder,
    is_folder_name,
    is_ours,
    lock_path,
)
from telemetry_core.delivery.spool.frame import salvage, unframe
from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError, boot_id
from telemetry_core.errors import InvalidRecordError
from telemetry_core.files import replace_file
from telemetry_core.logs import get_logger
from telemetry_core.models import RunRecord
from telemetry_core.records import Kind, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from telemetry_core.records import Record

logger = get_logger("telemetry_core.spool")

UNTOUCHED_NS = 600 * 1_000_000_000
_CLOCK_FILE = ".clock"


class Adoption:
    """Takes over the folders of processes that have ended, for one service."""

    def __init__(
        self,
        spool: Path,
        service: str,
        *,
        wanted: Callable[[Folder], bool],
        present: Callable[[], Owner],
    ) -> None:
        self.spool = spool
        self.service = service
        self._wanted = wanted
        self._present = present
        self._left_alone: dict[Path, int] = {}
        self._noting = self._left_alone
        self._reported: set[Path] = set()

    def adopt(self, held: Collection[Path]) -> Iterator[Folder]:
        """Yield each folder that is free and that holds something for us, oldest first."""
        self._noting = self._left_alone  # what is seen for the sinks of now counts for no later one
        for path in self._others(held):
            try:
                folder = self._try(path)
            except UnknownFormatError as error:
                self._report_once(path, f"cannot be read: {error}; it is left alone")
                self._leave(path)
            except OSError as error:  # the disk, or too many open files: it may work next time
                self._report_once(path, f"cannot be adopted now: {error}")
            else:
                if folder is not None:
                    yield folder

    def leave(self, folder: Folder) -> None:
        """Remember that a folder has nothing more for us until it changes."""
        self._leave(folder.path)

    def look_again(self) -> None:
        """Forget what was left alone: there is a sink now that was not there before."""
        self._left_alone = {}

    def _leave(self, path: Path) -> None:
        self._noting[path] = _changed_ns(path)

    def _others(self, held: Collection[Path]) -> list[Path]:
        try:
            names = os.listdir(self.spool)
        except OSError:
            return []
        paths = {
            self.spool / name.removesuffix(LOCK_SUFFIX)
            for name in names
            if is_folder_name(name.removesuffix(LOCK_SUFFIX))
        }
        free = [
            path
            for path in paths
            if path not in held and self._left_alone.get(path) != _changed_ns(path)
        ]
        return sorted(free, key=_changed_ns)

    def _try(self, path: Path) -> Folder | None:
        lock = OwnerLock(lock_path(path))
        if not lock.acquire():
            return None
        folder: Folder | None = None
        try:
            folder = self._take(path, lock)
        finally:
            if folder is None:
                lock.release()
        return folder

    def _take(self, path: Path, lock: OwnerLock) -> Folder | None:
        if not path.is_dir():
            lock.remove()  # its owner died between the lock and the folder
            return None
        owner = Owner.load(path)
        if owner is None:
            names = os.listdir(path)
            if not any(map(is_ours, names)):
                self._tidy(path, lock, names)
                return None
            owner = self._present()
            owner.save(path)
        if not is_left(self.spool, lock, owner):
            return None
        folder = Folder.open(path, lock, owner)
        if owner.service != self.service or not self._wanted(folder):
            self._leave(path)
            return None
        return folder

    def _tidy(self, path: Path, lock: OwnerLock, names: Collection[str]) -> None:
        """Remove what an owner began and did not get to sign; leave what is no spool folder.

        Cursors that a power loss parted from their segments point to nothing.
        """
        if set(names) <= {CURSORS}:
            with contextlib.suppress(OSError):
                for name in names:
                    remove_cursors(path / name)
                os.rmdir(path)
        self._leave(path)
        lock.remove()

    def _report_once(self, path: Path, what: str) -> None:
        if path not in self._reported:
            logger.warning("the spool folder %s %s", path, what)
        self._reported.add(path)


def is_left(spool: Path, lock: OwnerLock, owner: Owner) -> bool:
    """Whether a folder whose lock we hold has no owner any more.

    One of another start of the machine, or of another machine, may have an owner whose lock we do
    not see: it showed no life for ten minutes.
    """
    return owner.boot_id == boot_id() or _untouched_ns(spool, lock) >= UNTOUCHED_NS


def _untouched_ns(spool: Path, lock: OwnerLock) -> int:
    """Return for how long the owner showed no life, by the file system's own clock."""
    try:
        touched = os.stat(lock.path).st_mtime_ns
    except FileNotFoundError:
        return UNTOUCHED_NS
    clock = spool / _CLOCK_FILE
    if not replace_file(clock, b""):
        return 0
    return os.stat(clock).st_mtime_ns - touched


def open_runs(folder: Folder) -> list[RunRecord]:
    """Return the runs that a folder shows as started and never ended, as last updated."""
    runs: dict[str, RunRecord] = {}
    ended: set[str] = set()
    for record in _critical_records(folder):
        if not isinstance(record.body, RunRecord):
            continue
        if record.kind is Kind.END_RUN:
            ended.add(record.body.event_id)
        elif record.kind is Kind.START_RUN or record.body.event_id in runs:
            known = runs.get(record.body.event_id)
            if known is None or record.body.revision >= known.revision:
                runs[record.body.event_id] = record.body
    return [run for event_id, run in runs.items() if event_id not in ended and not run.ended]


def _critical_records(folder: Folder) -> Iterator[Record]:
    for segment in folder.all_segments():
        if segment.lane is Lane.CRITICAL:
            content = segment.read(0, segment.size())
            for raw in content[: content.rfind(b"\n") + 1].split(b"\n"):
                line = unframe(raw) or salvage(raw)
                if line:
                    try:
                        yield codec.decode(line, Lane.CRITICAL)
                    except InvalidRecordError as error:
                        logger.debug("not a record in %s: %s", segment.path, error)


def _changed_ns(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0

"""Backups beside the database: made, verified, found again, and rotated."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from telemetry_core import get_iso8601_timestamp, parse_iso8601
from telemetry_sqlite import schema
from telemetry_sqlite.care.copying import copy_into, verify
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.unfinished import finish, unfinished
from telemetry_sqlite.database import looking
from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from telemetry_sqlite.care.progress import Shown

_TABLES = {"runs": "agent_runs", "events": "run_events"}
_NAME = r"\.(?P<stamp>\d{8}T\d{6}Z)(?:-(?P<count>\d+))?(?:\.(?P<why>[a-z-]+))?\.sqlite"


@define(frozen=True, order=True)
class Backup:
    """A backup by its name.

    :ivar made_ns: when it was begun, by the clock of that day.
    :ivar count: which of those that were begun in one second.
    :ivar why: what it was made for by a command of ours; nothing when it was made for itself.
    """

    made_ns: int
    count: int
    path: str
    why: str = ""

    @property
    def size(self) -> int:
        """Return how many bytes it has; 0 when somebody has removed it."""
        try:
            return os.path.getsize(self.path)
        except OSError:
            return 0


def folder_of(database: str) -> str:
    """Return where the backups of a database are; of a link, beside the file it leads to."""
    return os.path.join(os.path.dirname(os.path.realpath(database)), "backups")


def find_backups(database: str, folder: str | None = None) -> list[Backup]:
    """Return the backups of a database, the newest first."""
    try:
        names = os.listdir(folder or folder_of(database))
    except (FileNotFoundError, NotADirectoryError):
        return []
    pattern = re.compile(re.escape(_stem(database)) + _NAME)
    found = [
        Backup(
            parse_iso8601(match["stamp"]),
            int(match["count"] or 1),
            os.path.join(folder or folder_of(database), match[0]),
            match["why"] or "",
        )
        for match in map(pattern.fullmatch, names)
        if match and _is_time(match["stamp"])
    ]
    return sorted(found, reverse=True)


def back_up(
    database: str,
    *,
    folder: str | None = None,
    why: str = "",
    progress: Shown | None = None,
) -> str:
    """Copy the database into the folder of its backups, verify the copy and return its path.

    Others may write meanwhile. Raises `DatabaseUnusableError`, and then leaves no copy.
    """
    place = folder or folder_of(database)
    with explaining(f"{database} could not be backed up"):
        os.makedirs(place, mode=0o700, exist_ok=True)
        target = free_name(database, place, why)
        with unfinished(target) as path:
            _copy_verified(database, path, progress)
            while True:
                try:
                    finish(path, target)
                    return target
                except FileExistsError:  # another one was begun in this second
                    target = free_name(database, place, why)


def back_up_to(database: str, target: str, progress: Shown | None = None) -> None:
    """Copy the database to a path and verify the copy; raises like `back_up`."""
    with explaining(f"{database} could not be backed up"), unfinished(target) as path:
        if os.path.lexists(target):
            raise FileExistsError(f"{target} is there already; name another file")
        _copy_verified(database, path, progress)
        finish(path, target)


def rotate(
    database: str,
    newest: str,
    *,
    keep: int | None = None,
    keep_since_ns: int | None = None,
) -> list[str]:
    """Remove older backups beside the newest one, and return their paths.

    Only those that were made for themselves. The newest stays, whatever the clock says: it may
    have gone back, and then it is not the one with the latest name.

    :param keep: how many may stay, with the newest.
    :param keep_since_ns: the moment from which on backups stay.
    """
    found = find_backups(database, os.path.dirname(newest))
    others = [one for one in found if not one.why and one.path != newest]
    surplus = set(others[keep - 1 :]) if keep is not None else set()
    if keep_since_ns is not None:
        surplus |= {one for one in others if one.made_ns < keep_since_ns}
    removed = sorted(one.path for one in surplus)
    for path in removed:
        Path(path).unlink(missing_ok=True)
    return removed


def newest_sound(database: str) -> Backup | None:
    """Return the newest backup that was made for itself and is sound."""
    candidates = (one for one in find_backups(database) if not one.why)
    return next((one for one in candidates if not verify(one.path)), None)


def rows_in(path: str) -> dict[str, int]:
    """Return how many runs and events a database has."""
    with looking(path) as connection:
        if connection is None:
            return dict.fromkeys(_TABLES, 0)
        return {
            name: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for name, table in _TABLES.items()
            if schema.columns(connection, table)
        }


def free_name(database: str, folder: str, why: str = "") -> str:
    """Return the path of a backup that is begun now, by which `find_backups` knows it again."""
    stamp = get_iso8601_timestamp().replace("-", "").replace(":", "")[:15] + "Z"
    now = parse_iso8601(stamp)
    there = {one.count for one in find_backups(database, folder) if one.made_ns == now}
    count = f"-{max(there) + 1}" if there else ""
    reason = f".{why}" if why else ""
    return os.path.join(folder, f"{_stem(database)}.{stamp}{count}{reason}.sqlite")


def _copy_verified(database: str, empty: str, progress: Shown | None) -> None:
    copy_into(database, empty, progress)
    if found := verify(empty):
        why = f"it {found[0].removesuffix('.')}"  # the copy is as the database is
        raise DatabaseUnusableError(
            f"{database} could not be backed up: {why}; see: telemetry db check"
        )


def _stem(database: str) -> str:
    """Return how the names of its backups begin; `runs.db` and `runs.sqlite` share none."""
    return os.path.basename(os.path.realpath(database)).removesuffix(".sqlite")


def _is_time(stamp: str) -> bool:
    try:
        parse_iso8601(stamp)
    except ValueError:
        return False
    return True

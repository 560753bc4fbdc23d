"""`telemetry db backup`: copies the database while programs write, verifies the copy and rotates."""

from __future__ import annotations

import os
from typing import Any

import click

from telemetry_core.cli import Progress, Screen, duration, json_option, print_json, size
from telemetry_sqlite.commands.options import database_option, existing
from telemetry_sqlite.commands.words import counted

_NS_PER_DAY = 86_400 * 1_000_000_000
_MS_PER_SECOND = 1000


@click.command
@click.option(
    "--to",
    metavar="PATH",
    help="A folder, with a / at its end a new one, or a new file; else `backups` beside the database.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove older backups but the newest N.",
)
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36_500),
    metavar="D",
    help="Remove backups older than D days.",
)
@database_option
@json_option
def backup(
    database: str, to: str | None, keep: int | None, keep_days: int | None, as_json: bool
) -> int:
    """Copy the database while programs write into it, and verify the copy.

    Older backups are removed only when asked for, and only once the new one is verified.
    """
    if keep and keep_days:
        raise click.UsageError("--keep and --keep-days mean different rotations; give one")
    file, folder = _place(to)
    if file and (keep or keep_days):
        raise click.UsageError("only a folder of backups can be rotated; give a folder in --to")
    done = _back_up(existing(database), file, folder, quiet=as_json)
    if keep or keep_days:
        done["removed"] = _rotate(database, done["path"], keep, keep_days)
    if as_json:
        print_json(done)
    else:
        _show(done)
    return 0


def _place(to: str | None) -> tuple[str | None, str | None]:
    """Return the file that is asked for, or the folder."""
    if to is None:
        return None, None
    path = os.path.abspath(os.path.expanduser(to))
    return (None, path) if to.endswith(os.sep) or os.path.isdir(path) else (path, None)


def _back_up(database: str, file: str | None, folder: str | None, *, quiet: bool) -> dict[str, Any]:
    from telemetry_core import SystemClock
    from telemetry_sqlite.care import backups

    began = SystemClock.monotonic()
    with Progress("copying pages", quiet=quiet) as progress:
        if file is None:
            file = backups.back_up(database, folder=folder, progress=progress.show)
        else:
            backups.back_up_to(database, file, progress.show)
    return {
        "database": database,
        "path": file,
        "bytes": os.path.getsize(file),
        "rows": backups.rows_in(file),
        "seconds": round(SystemClock.monotonic() - began, 3),
        "removed": [],
    }


def _rotate(database: str, newest: str, keep: int | None, keep_days: int | None) -> list[str]:
    from telemetry_core import SystemClock
    from telemetry_sqlite.care.backups import rotate

    since = SystemClock.time_ns() - keep_days * _NS_PER_DAY if keep_days else None
    return rotate(database, newest, keep=keep, keep_since_ns=since)


def _show(done: dict[str, Any]) -> None:
    screen = Screen()
    took = duration(round(done["seconds"] * _MS_PER_SECOND))
    screen.line(("Backed up and verified: ", "green"), done["path"])
    screen.line(f"{counted(done['rows'])}, {size(done['bytes'])}, in {took}")
    for path in done["removed"]:
        screen.line(("Removed: ", "dim"), path)

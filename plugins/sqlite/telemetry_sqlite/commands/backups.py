"""`telemetry db backups`: the backups that there are."""

from __future__ import annotations

import os
from typing import Any

import click

from telemetry_core.cli import Progress, Screen, age, json_option, print_json, size
from telemetry_sqlite.commands.options import database_option

_SOUND = ("sound", "green")


@click.command
@click.option("--verify", is_flag=True, help="Look whether each of them is sound; slower.")
@database_option
@json_option
def backups(database: str, verify: bool, as_json: bool) -> int:
    """List the backups of the database, the newest first.

    With --verify the exit code is 1 when one of them is not sound.
    """
    from telemetry_sqlite.care.backups import folder_of

    found = _look(database, verify=verify, quiet=as_json)
    if as_json:
        print_json({"database": database, "folder": folder_of(database), "backups": found})
    else:
        _show(folder_of(database), found)
    return int(any(one["sound"] is False for one in found))


def _look(database: str, *, verify: bool, quiet: bool) -> list[dict[str, Any]]:
    from telemetry_core import iso8601
    from telemetry_sqlite.care.backups import find_backups
    from telemetry_sqlite.care.copying import verify as problems

    found = find_backups(database)
    rows: list[dict[str, Any]] = []
    with Progress("verifying", len(found), quiet=quiet or not verify) as progress:
        for one in found:
            wrong = problems(one.path) if verify else []
            made = iso8601(one.made_ns)
            row = {"path": one.path, "made": made, "bytes": one.size, "why": one.why}
            rows.append(row | {"sound": not wrong if verify else None, "problems": wrong})
            progress.show(len(rows))
    return rows


def _show(folder: str, found: list[dict[str, Any]]) -> None:
    from telemetry_core import SystemClock, parse_iso8601

    screen = Screen()
    if not found:
        screen.line(f"There are no backups in {folder}; to make one: telemetry db backup")
        return
    screen.line((folder, "bold"), wrap=False)
    now = SystemClock.time_ns()
    cells = [
        [
            os.path.basename(one["path"]),
            age(parse_iso8601(one["made"]), now),
            size(one["bytes"]),
            one["why"],
            _SOUND if one["sound"] else ("; ".join(one["problems"]), "red"),
        ]
        for one in found
    ]
    verified = found[0]["sound"] is not None
    columns = ["backup", "age", "size", "why", "verified"]
    kept = len(columns) if verified else len(columns) - 1
    screen.table(columns[:kept], [row[:kept] for row in cells])

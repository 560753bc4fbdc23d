"""`telemetry db restore`: brings a backup back while programs write, and keeps what was there."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import Progress, Screen, confirm, json_option, print_json, yes_option
from telemetry_sqlite.commands.options import database_option, wait_option
from telemetry_sqlite.commands.words import counted

if TYPE_CHECKING:
    from telemetry_sqlite.care.restoring import Restored


@click.command
@click.argument("backup", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@wait_option
@yes_option
@database_option
@json_option
def restore(
    database: str, backup: str | None, dry_run: bool, wait: float, yes: bool, as_json: bool
) -> int:
    """Bring a backup back; without BACKUP the newest sound one.

    BACKUP is a file, or its name in the folder of backups. It is verified first. The present file
    stays as another backup, and programs that write go on with the restored one.
    """
    from telemetry_sqlite.care import restoring

    restoring.refuse_another_programs(database, wait)
    with Progress("verifying", quiet=as_json):
        chosen = restoring.choose(database, backup)
    plan = _plan(database, chosen, wait)
    if dry_run:
        _show_plan(plan, as_json=as_json)
        return 0
    if not yes and not as_json:
        _show_plan(plan, as_json=False)
    confirm(f"Put it in the place of {database}?", yes=yes)
    with Progress("copying pages", quiet=as_json) as progress:
        done = restoring.restore(database, chosen, wait=wait, progress=progress.show)
    if as_json:
        from attrs import asdict

        print_json({**asdict(done), "dry_run": False})
    else:
        _show(done)
    return 0


def _plan(database: str, backup: str, wait: float) -> dict[str, Any]:
    from telemetry_sqlite.care.backups import rows_in
    from telemetry_sqlite.care.restoring import missing_from

    return {
        "path": database,
        "backup": backup,
        "rows": rows_in(backup),
        "exists": os.path.exists(database),
        "missing": missing_from(backup, database, wait),
        "dry_run": True,
    }


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    screen = Screen()
    screen.line("Database: ", plan["path"])
    screen.line("Backup:   ", plan["backup"])
    screen.line(f"Verified: {counted(plan['rows'])}")
    if not plan["exists"]:
        screen.line("There is no database now.")
    elif plan["missing"] is None:
        screen.line(("The present file cannot be read; it is kept beside the backups.", "yellow"))
    elif any(plan["missing"].values()):
        screen.line(
            (f"Not in the backup: {counted(plan['missing'])} of the present file", "yellow")
        )
    else:
        screen.line("The backup has everything that the present file has.")


def _show(done: Restored) -> None:
    screen = Screen()
    screen.line(("Restored: ", "green"), done.path)
    screen.line(f"It has:   {counted(done.rows)}")
    if done.outdated:
        screen.line(("It is of an older release; now: telemetry db migrate", "yellow"))
    if done.missing and any(done.missing.values()):
        screen.line(
            (f"Recorded after the backup, and not there now: {counted(done.missing)}", "yellow")
        )
        screen.line("To bring in what ndjson has of them: telemetry db rebuild")
    if done.safety:
        screen.line("Before:   ", done.safety)
        screen.line("To undo:  ", f"telemetry db restore {shlex.quote(done.safety)}", wrap=False)

"""`telemetry db check`: looks the database over and says what is wrong with it."""

from __future__ import annotations

import click

from telemetry_core.cli import Progress, Screen, json_option, print_json
from telemetry_sqlite.commands.options import database_option, existing

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command
@click.option("--full", is_flag=True, help="Compare the indexes with their tables too; slower.")
@database_option
@json_option
def check(database: str, full: bool, as_json: bool) -> int:
    """Look for damage, and for what does not belong into a runs database.

    Changes nothing. Exit code 0 when all is well, else 1.
    """
    from telemetry_core import Level
    from telemetry_sqlite.care.inspection import inspect

    with Progress("looking", quiet=as_json) as progress:
        findings = inspect(existing(database), full=full, progress=progress.show)
    sound = all(finding.level is not Level.FAIL for finding in findings)
    if as_json:
        rows = [
            {"name": one.name, "level": one.level, "what": one.what, "remedy": one.remedy}
            for one in findings
        ]
        print_json({"path": database, "ok": sound, "findings": rows})
        return int(not sound)
    screen = Screen()
    screen.line((database, "bold"))
    for finding in findings:
        screen.line((f"{finding.level:<4}", _STYLES[finding.level]), "  ", finding.what)
        if finding.remedy:
            screen.line("      -> ", finding.remedy)
    return int(not sound)

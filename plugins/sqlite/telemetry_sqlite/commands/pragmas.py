"""`telemetry db pragmas`: how the database is set, beside how it should be."""

from __future__ import annotations

import click

from telemetry_core.cli import Screen, json_option, print_json
from telemetry_sqlite.commands.options import database_option, existing


@click.command
@database_option
@json_option
def pragmas(database: str, as_json: bool) -> int:
    """Show how the database is set, beside how it should be.

    Changes nothing. Exit code 0 when all is as it should be, else 1.
    """
    from telemetry_sqlite.care.pragmas import IN_FILE, compare

    settings = compare(existing(database))
    right = all(one.right for one in settings)
    if as_json:
        rows = {
            one.name: {"wanted": one.wanted, "library": one.ours, "others": one.others}
            for one in settings
        }
        print_json({"path": database, "ok": right, "pragmas": rows})
        return int(not right)
    screen = Screen()
    screen.line((database, "bold"))
    screen.table(
        ["pragma", "wanted", "this library", "other programs"],
        [
            [
                one.name,
                one.wanted,
                (one.ours, "green" if one.right else "red"),
                one.others if one.name in IN_FILE else f"{one.others}, or their own",
            ]
            for one in settings
        ],
    )
    for one in settings:
        if not one.right:
            screen.line((f"{one.name} is {one.ours}, not {one.wanted}", "red"))
            screen.line(f"  -> {one.remedy}")
    return int(not right)

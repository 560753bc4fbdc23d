"""`telemetry db compact`: rewrites the database without its free pages."""

from __future__ import annotations

import click

from telemetry_core.cli import Progress, Screen, json_option, print_json, size
from telemetry_sqlite.commands.options import database_option, existing, wait_option


@click.command
@wait_option
@database_option
@json_option
def compact(database: str, wait: float, as_json: bool) -> int:
    """Rewrite the database without its free pages.

    Needs room for a second copy. Programs that write wait meanwhile, and go on with the new file;
    what they say waits in the spool. From then on `telemetry db retain` makes the file smaller.
    """
    from telemetry_sqlite.care import compaction

    with Progress("rewriting", quiet=as_json) as progress:
        done = compaction.compact(existing(database), wait=wait, progress=progress.show)
    if as_json:
        from attrs import asdict

        print_json(asdict(done))
    else:
        screen = Screen()
        screen.line(("Rewritten: ", "green"), done.path)
        screen.line(f"{size(done.before)} before, {size(done.after)} now")
    return 0

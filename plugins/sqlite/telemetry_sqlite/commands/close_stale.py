"""`telemetry db close-stale`: ends runs that were left running."""

from __future__ import annotations

from typing import Any

import click

from telemetry_core.cli import (
    Progress,
    Screen,
    confirm,
    json_option,
    moment,
    print_json,
    stale_options,
    yes_option,
)
from telemetry_sqlite.commands.options import database_option, existing, wait_option
from telemetry_sqlite.commands.words import counted

_MOST_SHOWN = 20


@click.command("close-stale")
@stale_options("Runs of which nothing was heard for so long: an age (1h, 7d), or since a time.")
@wait_option
@yes_option
@database_option
@json_option
def close_stale(
    database: str,
    before: str,
    agent_name: str | None,
    status: str,
    dry_run: bool,
    wait: float,
    yes: bool,
    as_json: bool,
) -> None:
    """End runs that were left running and of which nothing was heard since.

    Their program was killed, or on a machine that is gone. Should it end a run after all, that
    end is the one that stays.
    """
    from telemetry_sqlite.care.stale import close_stale_runs, stale_runs

    found = list(stale_runs(existing(database), before, agent_name))
    if not as_json:
        _show(found, before)
    if found and not dry_run:
        confirm(f"End {counted({'runs': len(found)})} as {status}?", yes=yes)
        with Progress("ending runs", quiet=as_json) as progress:
            found = close_stale_runs(
                database,
                before,
                agent_name=agent_name,
                status=status,
                wait=wait,
                progress=progress.show,
            )
    if as_json:
        print_json({"path": database, "dry_run": dry_run, "status": status, "runs": found})
    elif found:
        done = f"Ended {counted({'runs': len(found)})} as {status}."
        Screen().line("Nothing was changed; to do it, leave out --dry-run." if dry_run else done)


def _show(found: list[dict[str, Any]], before: str) -> None:
    screen = Screen()
    if not found:
        screen.line(f"No run is still running of which nothing was heard since {moment(before)}.")
        return
    rows = [
        [row["agent_name"], moment(row["start_time"]), moment(row["last_heard"]), row["run_id"]]
        for row in found[:_MOST_SHOWN]
    ]
    screen.table(["agent", "started", "last heard of", "run"], rows)
    screen.rest(len(found) - _MOST_SHOWN)

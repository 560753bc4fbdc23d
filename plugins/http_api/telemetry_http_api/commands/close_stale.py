"""`telemetry runs close-stale`: ends runs that were left running, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import (
    Screen,
    confirm,
    json_option,
    moment,
    print_json,
    stale_options,
    yes_option,
)
from telemetry_http_api.commands.options import service_option

if TYPE_CHECKING:
    from telemetry_http_api.sink import HttpApiSink

_MOST_SHOWN = 20


@click.command("close-stale")
@stale_options("Runs that were created so long ago: an age (1h, 7d), or before a time.")
@yes_option
@service_option
@json_option
def close_stale(
    service: HttpApiSink,
    before: str,
    agent_name: str | None,
    status: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """End runs of a run service that were left running.

    Their program was killed, or on a machine that is gone. Should it end a run after all, that
    end is the one that stays. For a database of this machine there is `telemetry db close-stale`.
    """
    from telemetry_http_api.stale import close_runs, stale_runs

    found = stale_runs(service, before, agent_name)
    if not as_json:
        _show(found, before)
    done: dict[str, Any] = {"cleaned": 0, "failed": 0, "errors": []}
    if found and not dry_run:
        confirm(f"End {len(found):,} of them as {status}?", yes=yes)
        done = close_runs(service, found, status)
    if as_json:
        told = {"service": service.destination(), "dry_run": dry_run, "status": status}
        print_json({"ok": not done["errors"], **told, "runs": found, **done})
    elif found:
        _show_done(done, status, dry_run)
    return int(bool(done["errors"]))


def _show(found: list[dict[str, Any]], before: str) -> None:
    screen = Screen()
    if not found:
        screen.line(f"No run is still running that was created before {moment(before)}.")
        return
    rows = [
        [row["agent_name"], row["job_type"], moment(row["created_at"]), row["run_id"]]
        for row in found[:_MOST_SHOWN]
    ]
    screen.table(["agent", "job", "created", "run"], rows)
    screen.rest(len(found) - _MOST_SHOWN)


def _show_done(done: dict[str, Any], status: str, dry_run: bool) -> None:
    screen = Screen()
    for error in done["errors"][:_MOST_SHOWN]:
        screen.line((error, "red"))
    screen.rest(len(done["errors"]) - _MOST_SHOWN)
    if dry_run:
        screen.line("Nothing was changed; to do it, leave out --dry-run.")
    else:
        screen.line(f"Ended {done['cleaned']:,} as {status}.")

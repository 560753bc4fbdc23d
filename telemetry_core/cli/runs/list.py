"""`telemetry runs list`: what was recorded, out of the first sink that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.completing import run_ids
from telemetry_core.cli.options import config_option, json_option, limit_option, read_config
from telemetry_core.cli.runs.filters import since_option, whose_runs
from telemetry_core.cli.runs.store import find_run, runs_store
from telemetry_core.cli.runs.text import items, styled_status, took
from telemetry_core.cli.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core.cli.screen import Screen


@click.command("list")
@whose_runs
@since_option()
@click.option(
    "--parent",
    "parent_run_id",
    metavar="ID",
    shell_complete=run_ids,
    help="Only runs that this run started.",
)
@limit_option(20, most=10_000)
@config_option
@json_option
def list_runs(limit: int, config_path: str | None, as_json: bool, **wanted: str | None) -> None:
    """List runs, the newest first."""
    from telemetry_core.cli.screen import Screen, print_json

    store = runs_store(read_config(config_path))
    if parent := wanted["parent_run_id"]:
        wanted["parent_run_id"] = find_run(store, parent)["run_id"]
    window = wanted["start_time_from"] or wanted["start_time_to"]
    by = "start_time" if window else "created_at"
    page = store.list_runs(store.where(**wanted), limit=limit, by=by)
    if as_json:
        print_json({"runs": page.rows, "more": page.next is not None})
        return
    screen = Screen()
    if not page.rows:
        such = " such" if any(wanted.values()) else ""
        screen.line(f"No{such} run was recorded, or not delivered yet; try: telemetry flush")
        return
    runs_table(screen, page.rows)
    if page.next is not None:
        screen.more("--limit")


def runs_table(screen: Screen, runs: Iterable[dict[str, Any]]) -> None:
    """Print runs as a table."""
    columns = ["started", "agent", "job", "status", "took", "items", "run"]
    screen.table(
        columns,
        [
            [
                moment(run["start_time"]),
                run["agent_name"],
                run["job_type"],
                styled_status(run["status"]),
                took(run) or "-",
                items(run) or "-",
                (run["run_id"], "dim"),
            ]
            for run in runs
        ],
    )

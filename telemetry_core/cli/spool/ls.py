"""`telemetry spool ls`: the folders of the spool, and what waits in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.places import folders_of, spool_of
from telemetry_core.cli.spool.text import oldest_of, told
from telemetry_core.cli.words import age, size
from telemetry_core.clock import SystemClock

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell
    from telemetry_core.delivery.spool.survey import FolderView


@click.command("ls")
@config_option
@json_option
def list_folders(config_path: str | None, as_json: bool) -> None:
    """List the folders of the spool and what waits in each."""
    from telemetry_core.cli.screen import Screen, print_json

    config = read_config(config_path)
    views = folders_of(config)
    if as_json:
        print_json({"spool": str(spool_of(config)), "folders": [told(view) for view in views]})
        return
    screen = Screen()
    if not views:
        screen.line("The spool is empty: nothing waits, and no program is at work.")
        return
    columns = ["folder", "service", "process", "waiting", "size", "oldest", "written", "problem"]
    screen.table(columns, [_cells(view) for view in views])


def _cells(view: FolderView) -> list[Cell]:
    now, oldest = SystemClock.time_ns(), oldest_of(view)
    waiting = {
        sink: view.waiting[sink].records if sink in view.waiting else 0 for sink in view.owed
    }
    process = f"{view.pid}, " if view.pid else ""
    return [
        view.path.name,
        view.service or "-",
        (f"{process}alive", "green") if view.alive else (f"{process}ended", "yellow"),
        ", ".join(f"{number:,} for {sink}" for sink, number in waiting.items()) or "-",
        size(view.bytes),
        "-" if oldest is None else age(oldest, now),
        age(view.changed_ns, now) if view.changed_ns else "-",
        (view.problem, "red"),
    ]

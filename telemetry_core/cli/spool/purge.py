"""`telemetry spool purge`: drops what a sink is still owed, and nothing that another one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import (
    config_option,
    confirm,
    dry_run_option,
    json_option,
    read_config,
    sink_option,
    yes_option,
)
from telemetry_core.cli.places import folders_of
from telemetry_core.cli.sinks import refuse_unknown_sink
from telemetry_core.complaints import counted

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core.cli.screen import Screen
    from telemetry_core.delivery.spool.purging import Purged
    from telemetry_core.delivery.spool.survey import FolderView


@click.command("purge")
@sink_option("Whose records.", required=True)
@yes_option
@dry_run_option("drop")
@config_option
@json_option
def purge(sink: str, yes: bool, dry_run: bool, config_path: str | None, as_json: bool) -> int:
    """Drop what a sink is still owed, for good.

    Only in folders of programs that have ended; what living ones hold is reported and left. Exit
    code 1 when something was left alone.
    """
    from telemetry_core.cli.screen import Screen, print_json

    config = read_config(config_path)
    refuse_unknown_sink(config, sink)
    views = [view for view in folders_of(config) if sink in view.owed or view.problem]
    waiting = sum(_owed(view, sink) for view in views if not view.alive)
    if waiting and not dry_run:
        confirm(f"Drop {counted(waiting, 'record')} owed to {sink} for good?", yes=yes)
    result = purge_all(views, sink, dry_run=dry_run, quiet=as_json)
    if as_json:
        print_json(result)
    else:
        _show(Screen(), result)
    return int(not result["ok"])


def purge_all(views: list[FolderView], sink: str, *, dry_run: bool, quiet: bool) -> dict[str, Any]:
    """Purge folder by folder, and return what was dropped and what was left alone, and why."""
    from telemetry_core.cli.progress import Progress
    from telemetry_core.delivery.spool import purging

    done: list[Purged] = []
    with Progress("dropping", len(views), quiet=quiet or dry_run) as progress:
        for view in views:
            done.append(
                purging.Purged(view.path, left=view.problem)
                if view.problem
                else purging.purge(view.path, sink, dry_run=dry_run)
            )
            progress.show(len(done))
    pending: dict[Path, int] = {view.path: _owed(view, sink) for view in views}
    return {
        "ok": not any(one.left for one in done),
        "sink": sink,
        "dry_run": dry_run,
        "dropped": {one.path.name: one.records for one in done if one.records},
        "left": {
            one.path.name: {"why": one.left, "pending": pending[one.path]}
            for one in done
            if one.left
        },
    }


def _owed(view: FolderView, sink: str) -> int:
    return view.waiting[sink].records if sink in view.waiting else 0


def _show(screen: Screen, result: dict[str, Any]) -> None:
    dropped, left = result["dropped"], result["left"]
    if dropped:
        number = f"{counted(sum(dropped.values()), 'record')} in {counted(len(dropped), 'folder')}"
        words = "would be dropped" if result["dry_run"] else "dropped"
        screen.line((f"{number} {words}.", "yellow" if result["dry_run"] else "green"))
    elif not left:
        screen.line(f"Nothing is owed to {result['sink']}.")
    for folder, found in left.items():
        number = f" with {counted(found['pending'], 'record')}" if found["pending"] else ""
        screen.line((f"{folder}{number} is left alone: {found['why']}", "yellow"))

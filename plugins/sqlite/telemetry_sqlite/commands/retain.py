"""`telemetry db retain`: deletes old runs and events a little at a time, once it was said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import (
    Moment,
    Progress,
    Screen,
    json_option,
    moment,
    print_json,
    size,
    yes_option,
)
from telemetry_sqlite.commands.options import database_option, existing
from telemetry_sqlite.commands.words import counted

if TYPE_CHECKING:
    from telemetry_sqlite.care.ageing import Tally


@click.command
@click.option(
    "--older-than",
    type=Moment(),
    required=True,
    metavar="AGE",
    help="How old, such as 30d or 12w, or an ISO 8601 time.",
)
@yes_option
@database_option
@json_option
def retain(database: str, older_than: str, yes: bool, as_json: bool) -> int:
    """Delete old runs and their events; without --yes only say which.

    Runs that have not ended stay, whatever their age. Programs may write meanwhile. Interrupted,
    what was deleted is deleted, and the next time goes on with the rest.
    """
    from telemetry_core import parse_iso8601
    from telemetry_sqlite.care.ageing import survey

    before_ns = parse_iso8601(older_than)
    with Progress("looking", quiet=as_json) as progress:
        planned = survey(existing(database), before_ns, progress.show)
    answer = {"path": database, "before": older_than, "dry_run": not yes}
    if not yes:
        _show_plan(answer | _as_dict(planned), as_json=as_json)
        return 0
    _delete(answer, before_ns, planned, as_json=as_json)
    return 0


def _delete(answer: dict[str, Any], before_ns: int, planned: Tally, *, as_json: bool) -> None:
    """Delete, cut off what became free, and say how far it came, also when interrupted."""
    from telemetry_sqlite.care import pages, retention
    from telemetry_sqlite.care.ageing import Tally

    path = answer["path"]
    deleted = Tally(running=planned.running, timeless=planned.timeless)
    answer |= {"interrupted": True, "given_back": None}
    try:
        with Progress("deleting", planned.rows, quiet=as_json) as progress:
            retention.sweep(path, before_ns, deleted, progress.show)
        if pages.gives_back(path):
            with Progress("giving pages back", quiet=as_json) as progress:
                answer["given_back"] = pages.give_back(path, progress.show)
        answer["interrupted"] = False
    finally:
        if as_json:
            print_json(answer | _as_dict(deleted))
        else:
            _show(answer | _as_dict(deleted), planned)


def _as_dict(tally: Tally) -> dict[str, Any]:
    return {
        "runs": dict(tally.runs),
        "events": tally.events,
        "loose_events": tally.loose_events,
        "kept": {"running": tally.running, "timeless": tally.timeless},
        "bytes": tally.bytes,
    }


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    screen = Screen()
    _show_rows(screen, plan, "Would be deleted")
    if _rows(plan):
        screen.line(f"These take about {size(plan['bytes'])}.")
        screen.line("Nothing was changed; to do it, the same with --yes")


def _show(done: dict[str, Any], planned: Tally) -> None:
    screen = Screen()
    _show_rows(screen, done, "Deleted")
    if done["interrupted"]:
        left = max(planned.rows - _rows(done), 0)
        screen.line((f"Stopped; some {left:,} rows are left. To go on, the same again", "yellow"))
    elif done["given_back"]:
        screen.line(f"The file is {size(done['given_back'])} smaller.")
    elif done["given_back"] is None and _rows(done):
        screen.line("The room is used again; to make the file smaller: telemetry db compact")


def _show_rows(screen: Screen, found: dict[str, Any], beginning: str) -> None:
    older = f"from before {moment(found['before'])}"
    if not _rows(found):
        deleted = "was deleted" if found.get("interrupted") else "is to be deleted"
        screen.line(f"Nothing {older} {deleted}.")
    else:
        rows = {"runs": sum(found["runs"].values()), "events": found["events"]}
        screen.line((f"{beginning}, {older}: ", "bold"), counted(rows))
        statuses = ", ".join(f"{number:,} {status}" for status, number in found["runs"].items())
        if statuses:
            screen.line(f"  of the runs: {statuses}")
        if found["loose_events"]:
            screen.line(f"  and events of no run: {found['loose_events']:,}")
    if running := found["kept"]["running"]:
        runs = counted({"runs": running})
        screen.line(f"Kept though old: {runs} not ended; see: telemetry db close-stale")
    if timeless := found["kept"]["timeless"]:
        screen.line(f"Kept for want of a time that can be read: {counted({'rows': timeless})}")


def _rows(found: dict[str, Any]) -> int:
    return int(sum(found["runs"].values()) + found["events"] + found["loose_events"])

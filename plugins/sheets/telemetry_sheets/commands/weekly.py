"""`telemetry sheets weekly`: adds a row for each group of a week's runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import Screen, json_option, print_json
from telemetry_sheets.commands.options import sheet_option

if TYPE_CHECKING:
    from telemetry_sheets.sink import SheetsSink
    from telemetry_sheets.weekly import Week

_WITHIN = 60.0
_SHOWN = ("agent_name", "website", "product", "run_count", "error_count")


@click.command
@click.option(
    "--week", "name", metavar="WEEK", help="Which one, as 2026-W46; else the last whole one."
)
@click.option("--dry-run", is_flag=True, help="Only show the rows.")
@sheet_option
@json_option
def weekly(sink: SheetsSink, name: str | None, dry_run: bool, as_json: bool) -> int:
    """Add what the runs of a week come to.

    A row for each agent and what it worked on. The runs are those of the first active sink that
    keeps runs; weeks begin on Monday, in UTC.
    """
    from telemetry_sheets.weekly import rows_of

    week = _week(sink, name)
    rows = rows_of(_store(sink), week)
    added = 0 if dry_run or not rows else _added(sink, rows)
    if as_json:
        print_json(
            {"ok": True, "week": week.name, "dry_run": dry_run, "rows": rows, "added": added}
        )
        return 0
    screen = Screen()
    if rows:
        screen.table(_SHOWN, [[str(row[column]) for column in _SHOWN] for row in rows])
    done = "Nothing was added; leave out --dry-run." if dry_run else f"Added {added:,}."
    screen.line(f"{len(rows):,} rows of {week.name}. {done}")
    return 0


def _week(sink: SheetsSink, name: str | None) -> Week:
    from telemetry_sheets.weekly import Week

    try:
        return Week.named(name) if name else Week.before(sink.clock.time_ns())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--week") from None


def _store(sink: SheetsSink) -> Any:
    store = sink.find_store() if sink.find_store else None
    if store is None:
        raise click.UsageError("no active sink keeps runs; name sqlite or http_api in `active`")
    return store


def _added(sink: SheetsSink, rows: list[dict[str, Any]]) -> int:
    from httpx import TransportError

    from telemetry_core import TelemetryError
    from telemetry_sheets.wires import weeks_of
    from telemetry_sheets.words import unanswered

    wire = weeks_of(sink)
    try:
        return wire.add(rows, sink.clock.monotonic() + _WITHIN)
    except TransportError as error:
        raise TelemetryError(unanswered(error).words) from None
    finally:
        wire.close()

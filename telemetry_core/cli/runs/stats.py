"""`telemetry runs stats`: how many runs ended how, how long jobs take, and when they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.runs.filters import since_option, whose_runs
from telemetry_core.cli.runs.store import runs_store
from telemetry_core.cli.words import duration, moment
from telemetry_core.complaints import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telemetry_core.cli.screen import Cell, Screen

_LONGEST = 90 * 24  # hours: a longer window is drawn from its first run on
_LASTED = ("p50_ms", "p95_ms")


@click.command("stats")
@whose_runs
@since_option("24h")
@click.option(
    "--top",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="So many agents and jobs, the busiest first.",
)
@config_option
@json_option
def stats(top: int, config_path: str | None, as_json: bool, **wanted: str | None) -> None:
    """Count runs by status, agent, job and hour.

    The success rate is the share of those runs that ended. p50 and p95: one of two runs, and
    nineteen of twenty, took no longer. Hours are those of UTC.
    """
    from telemetry_core.cli.screen import Screen, print_json
    from telemetry_core.clock import get_iso8601_timestamp

    store = runs_store(read_config(config_path))
    now = get_iso8601_timestamp()
    window = {"since": wanted["start_time_from"], "until": wanted["start_time_to"] or now}
    figures = {**window, **store.figures(store.where(**wanted))}
    if as_json:
        print_json(figures)
        return
    screen = Screen()
    screen.line((_heading(figures), "bold"))
    screen.line((f"{moment(figures['since'])} to {moment(figures['until'])}", "dim"))
    if not figures["runs"]:
        screen.line("Look further back with --since 30d, or deliver what waits: telemetry flush")
        return
    _draw(screen, figures, now)
    _show_table(screen, "agent", figures["by_agent"], top)
    _show_table(screen, "job", figures["by_job"], top)


def _heading(figures: Mapping[str, Any]) -> str:
    if not figures["runs"]:
        return "No runs"
    rate = f", {_share(figures)} succeeded" if figures["success_rate"] is not None else ""
    return counted(figures["runs"], "run") + rate


def _draw(screen: Screen, figures: Mapping[str, Any], now: str) -> None:
    """Draw the runs of the window over its hours, and name what is drawn."""
    from telemetry_core.cli.runs.plot import legend, plot

    found = ((_hour(entry["hour"]), entry["by_status"]) for entry in figures["by_hour"])
    hours = {hour: counts for hour, counts in found if hour is not None}
    if not hours:
        return
    end = min(_hour(figures["until"]) or 0, max(_hour(now) or 0, *hours))
    begin = max(_hour(figures["since"]) or 0, min(*hours, end - _LONGEST))
    screen.line()
    for line in plot(hours, begin, end, screen):
        screen.line(*line, wrap=False)
    for line in legend(figures["by_status"], screen):
        screen.line(*line, wrap=False)


def _show_table(screen: Screen, by: str, rows: Sequence[Mapping[str, Any]], top: int) -> None:
    timed = [name for name in _LASTED if name in rows[0]]
    columns = [by, "runs", "succeeded", "failed", *(name.removesuffix("_ms") for name in timed)]
    screen.line()
    screen.table(columns, [_cells(row, by, timed) for row in rows[:top]])
    if len(rows) > top:
        screen.more(f"--top {len(rows)}", len(rows) - top)


def _cells(row: Mapping[str, Any], by: str, timed: Sequence[str]) -> list[Cell]:
    failed = sum(row["by_status"].get(status, 0) for status in ("failure", "timeout"))
    return [
        row[by],
        f"{row['runs']:,}",
        _share(row),
        (f"{failed:,}", "red") if failed else "-",
        *("-" if row[name] is None else duration(row[name]) for name in timed),
    ]


def _share(row: Mapping[str, Any]) -> str:
    """Return a success rate in percent, never rounded up to all of them."""
    if row["success_rate"] is None:
        return "-"
    percent = row["success_rate"] * 100
    return "100 %" if percent == 100 else f"{min(percent, 99.9):.1f} %"  # noqa: PLR2004


def _hour(at: str | None) -> int | None:
    """Return the hour of a moment, counted since 1970; nothing for what is no moment."""
    from telemetry_core.cli.runs.plot import HOUR
    from telemetry_core.clock import parse_iso8601

    try:
        return parse_iso8601(at or "") // HOUR
    except (ValueError, OverflowError):
        return None

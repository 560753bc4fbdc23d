"""`telemetry runs tail`: what happens to runs, told as it reaches the store."""

from __future__ import annotations

import json
import select
import sys
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.runs.filters import whose_runs
from telemetry_core.cli.runs.store import runs_store
from telemetry_core.cli.runs.text import items, styled_status, took
from telemetry_core.cli.words import flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.cli.screen import Screen

    Told = dict[str, dict[str, Any]]  # {"run": row} or {"event": row}

_PAUSE = 0.5  # seconds from one look to the next
_MS_PER_SECOND = 1000
_TIME_OF_DAY = slice(11, 19)
_INDENT = len("12:00:00  ")


@click.command("tail")
@whose_runs
@click.option("--events", "with_events", is_flag=True, help="Tell the events of the runs too.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(0, 10_000),
    default=10,
    show_default=True,
    help="So many of the runs that are there already first.",
)
@config_option
@json_option
def tail(
    with_events: bool, last: int, config_path: str | None, as_json: bool, **wanted: str | None
) -> None:
    """Tell what happens to runs, until Ctrl-C.

    Each line is a run that began, changed or ended. --json prints one JSON document a line,
    {"run": …} or {"event": …}. Ends with 130 after Ctrl-C, and with 1 when the reader of a pipe
    has gone.
    """
    from telemetry_core.cli.screen import Screen

    store = runs_store(read_config(config_path))
    follower = store.follow(store.where(**wanted))
    screen = Screen()
    for told in _news(follower, last, with_events):
        if as_json:
            click.echo(json.dumps(told, default=str))
        else:
            _tell(screen, told)


def _news(follower: Any, last: int, with_events: bool) -> Iterator[Told]:
    """Give what the store has learned, in the order in which it happened; waits for more."""
    yield from ({"run": run} for run in follower.latest(last))
    while True:
        news: list[Told] = [{"run": run} for run in follower.runs()]
        if with_events:
            news += [{"event": event} for event in follower.events()]
        yield from sorted(news, key=_happened)
        if not news and not _reader_waits():
            raise BrokenPipeError


def _happened(told: Told) -> str:
    if event := told.get("event"):
        return str(event["timestamp"])
    run = told["run"]
    return str(run["end_time"] or run["start_time"])


def _reader_waits() -> bool:
    """Rest for a moment; tell whether stdout still has a reader, where the system knows."""
    from telemetry_core.clock import SystemClock

    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), 0)  # nothing is asked for: only an end is told
    except (AttributeError, OSError, ValueError):
        SystemClock.sleep(_PAUSE)
        return True
    return not watch.poll(_PAUSE * _MS_PER_SECOND)


def _tell(screen: Screen, told: Told) -> None:
    if event := told.get("event"):
        _tell_event(screen, event)
    else:
        _tell_run(screen, told["run"])


def _tell_run(screen: Screen, run: dict[str, Any]) -> None:
    from telemetry_core.cli.screen import padded

    name = f"{run['agent_name']} · {run['job_type']}"
    facts = ", ".join(filter(None, (took(run), items(run), run["error_summary"])))
    status, style = styled_status(run["status"])
    screen.line(
        (_time_of_day(_happened({"run": run})), "dim"),
        "  ",
        (padded(status, len("cancelled")), style),
        "  ",
        name,
        f"  {facts}" if facts else "",
        (f"  {run['run_id']}", "dim"),
        indent=_INDENT,
    )


def _tell_event(screen: Screen, event: dict[str, Any]) -> None:
    from telemetry_core.cli.screen import padded

    payload = flat(event["payload_json"])
    screen.line(
        (_time_of_day(event["timestamp"]), "dim"),
        f"  {padded('', len('cancelled'))}  {event['event_type']}",
        (f"  {payload}" if payload else "", "dim"),
        (f"  {event['run_id']}" if event["run_id"] else "", "dim"),
        indent=_INDENT,
    )


def _time_of_day(at: str) -> str:
    return at[_TIME_OF_DAY] or at

"""`telemetry runs list` and `runs show`: what was recorded, out of the first sink that keeps runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import Moment, Status, config_option, json_option, read_config
from telemetry_core.cli.words import duration, moment
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core.cli.screen import Cell, Screen
    from telemetry_core.config import TelemetryConfig

_COUNTS = ("discovered", "succeeded", "failed", "skipped")
_LONGEST_PAYLOAD = 160
_MOST_EVENTS = 1000


@click.command("list")
@click.option("--agent", metavar="NAME", help="Only runs of this agent.")
@click.option("--job", metavar="TYPE", help="Only runs of this job.")
@click.option("--status", type=Status(), metavar="STATUS", help="Only runs that ended so.")
@click.option("--since", type=Moment(), metavar="WHEN", help="Only since an age (2h, 7d) or time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@config_option
@json_option
def list_runs(
    agent: str | None,
    job: str | None,
    status: str | None,
    since: str | None,
    limit: int,
    config_path: str | None,
    as_json: bool,
) -> None:
    """List runs, the newest first."""
    from telemetry_core.cli.screen import Screen, print_json

    store = runs_store(read_config(config_path))
    which = store.where(agent_name=agent, job_type=job, status=status, start_time_from=since)
    page = store.list_runs(which, limit=limit)
    if as_json:
        print_json({"runs": page.rows, "more": page.next is not None})
        return
    screen = Screen()
    if not page.rows:
        screen.line("No such run was recorded, or not delivered yet; try: telemetry flush")
        return
    runs_table(screen, page.rows)
    if page.next is not None:
        screen.line((f"… and more; see them with --limit {limit * 5}", "dim"))


@click.command("show")
@click.argument("run_id", metavar="ID")
@config_option
@json_option
def show_run(run_id: str, config_path: str | None, as_json: bool) -> None:
    """Tell one run's story: its events and its children.

    ID is a run id, an event id, or the beginning of one that no other shares.
    """
    from telemetry_core.cli.screen import Screen, print_json

    store = runs_store(read_config(config_path))
    run = store.find_run(run_id)
    if run is None:
        raise TelemetryError(
            f"no run {run_id!r} is stored; perhaps it is not delivered yet: telemetry flush"
        )
    events = store.list_events(run["run_id"], limit=_MOST_EVENTS)
    children = store.children(run["run_id"])
    if as_json:
        more = events.next is not None
        print_json({"run": run, "events": events.rows, "children": children, "more": more})
        return
    screen = Screen()
    _show_facts(screen, run)
    screen.listing(_story(run, events.rows, children))
    if events.next is not None:
        screen.line((f"… and more than {_MOST_EVENTS} events", "dim"))


def runs_store(config: TelemetryConfig) -> Any:
    """Return what can be asked for runs.

    Raises `TelemetryError` when no active sink keeps runs, or the one that does cannot be used.
    """
    from telemetry_core.manager import Manager

    store = Manager(config).runs_store()
    if store is None:
        active = ", ".join(config.active) or "none"
        raise TelemetryError(
            f"no active sink keeps runs (active: {active}); "
            "try: pip install telemetry-sqlite, and name sqlite in `active`"
        )
    return store


def runs_table(screen: Screen, runs: Iterable[dict[str, Any]]) -> None:
    """Print runs as a table."""
    from telemetry_core.cli.screen import styled_status

    columns = ["started", "agent", "job", "status", "took", "items", "run"]
    screen.table(
        columns,
        [
            [
                moment(run["start_time"]),
                run["agent_name"],
                run["job_type"],
                styled_status(run["status"]),
                _took(run) or "-",
                _items(run) or "-",
                (run["run_id"], "dim"),
            ]
            for run in runs
        ],
    )


def _took(run: dict[str, Any]) -> str:
    """Return how long a run took; nobody knows it of one that never said its end."""
    return duration(run["duration_ms"]) if run["end_time"] and not run["inferred"] else ""


def _items(run: dict[str, Any]) -> str:
    """Return a run's counts that are not zero."""
    counted = ((run[f"items_{name}"], name) for name in _COUNTS)
    return ", ".join(f"{number:,} {name}" for number, name in counted if number)


def _show_facts(screen: Screen, run: dict[str, Any]) -> None:
    from telemetry_core.cli.screen import styled_status

    title = f"{run['agent_name']} · {run['job_type']}"
    inferred = " (nobody ended it; its program is gone)" if run["inferred"] else ""
    screen.line((title, "bold"), "  ", styled_status(run["status"]), (inferred, "dim"))
    screen.listing([[(name, "dim"), value] for name, value in _facts(run)])
    screen.line()


def _facts(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is known of a run and worth a line."""
    took = f", took {_took(run)}" if _took(run) else ""
    code = "@".join(filter(None, (run["git_branch"], (run["git_commit_hash"] or "")[:10])))
    facts = {
        "run": run["run_id"],
        "parent": run["parent_run_id"],
        "started": f"{moment(run['start_time'])}{took}",
        "trigger": run["trigger_type"],
        "items": _items(run),
        "input": run["input_summary"],
        "output": run["output_summary"],
        "error": run["error_summary"],
        "metrics": _flat(run["metrics_json"]),
        "context": _flat(run["context_json"]),
        "where": ", ".join(filter(None, (run["host"], run["environment"]))),
        "code": " ".join(filter(None, (run["git_repo"], code))),
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _story(
    run: dict[str, Any], events: list[dict[str, Any]], children: list[dict[str, Any]]
) -> list[list[Cell]]:
    """Return what happened, in order: the start, events and children, the end."""
    from telemetry_core.cli.screen import styled_status

    moments: list[tuple[str, list[Cell]]] = [(run["start_time"], [("started", "bold"), ""])]
    moments += [
        (event["timestamp"], [event["event_type"], (_flat(event["payload_json"]), "dim")])
        for event in events
    ]
    for child in children:
        ended = f"{child['status']} {_took(child)}  {child['run_id']}"
        name = f"→ {child['agent_name']} · {child['job_type']}"
        moments.append((child["start_time"], [name, (ended, styled_status(child["status"])[1])]))
    moments.sort(key=lambda entry: entry[0])
    story = [[(_offset(run["start_time"], at), "dim"), *cells] for at, cells in moments]
    if run["end_time"]:
        at = "later" if run["inferred"] else _offset(run["start_time"], run["end_time"])
        story.append([(at, "dim"), ("ended", "bold"), styled_status(run["status"])])
    return story


def _offset(start: str, at: str) -> str:
    from telemetry_core.clock import NS_PER_SECOND, parse_iso8601

    try:
        return f"{(parse_iso8601(at) - parse_iso8601(start)) / NS_PER_SECOND:+.3f} s"
    except ValueError:
        return at


def _flat(value: Any) -> str:
    """Return a payload on one line: `page=index, bytes=512`."""
    if not value:
        return ""
    if isinstance(value, dict):
        text = ", ".join(
            f"{key}={part if isinstance(part, str) else json.dumps(part, default=str)}"
            for key, part in value.items()
        )
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_PAYLOAD else f"{text[:_LONGEST_PAYLOAD]}…"

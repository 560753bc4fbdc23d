"""`telemetry runs show`: what is known of one run, and what happened in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.completing import run_ids
from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.runs.store import find_run, runs_store
from telemetry_core.cli.runs.text import items, styled_status, took
from telemetry_core.cli.words import flat, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.cli.screen import Cell, Screen

_MOST_EVENTS = 1000


@click.command("show")
@click.argument("run_id", metavar="ID", shell_complete=run_ids)
@config_option
@json_option
def show_run(run_id: str, config_path: str | None, as_json: bool) -> None:
    """Tell one run's story: its events and its children.

    ID is a run id, an event id, or the beginning of one that no other shares.
    """
    from telemetry_core.cli.screen import Screen, print_json

    store = runs_store(read_config(config_path))
    run = find_run(store, run_id)
    events = store.list_events(run["run_id"], limit=_MOST_EVENTS)
    children = store.children(run["run_id"])
    if as_json:
        more = events.next is not None
        print_json({"run": run, "events": events.rows, "children": children, "more": more})
        return
    screen = Screen()
    _show_facts(screen, run)
    screen.listing(_story(run, events.rows, children))
    if run["error_details"]:
        screen.heading("Error")
        screen.text(run["error_details"])
    if events.next is not None:
        screen.line((f"… and more than {_MOST_EVENTS} events", "dim"))


def _show_facts(screen: Screen, run: dict[str, Any]) -> None:
    title = f"{run['agent_name']} · {run['job_type']}"
    inferred = " (nobody ended it; its program is gone)" if run["inferred"] else ""
    screen.line((title, "bold"), "  ", styled_status(run["status"]), (inferred, "dim"))
    screen.listing([[(name, "dim"), value] for name, value in _facts(run)])
    screen.line()


def _facts(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is known of a run and worth a line."""
    lasted = f", took {took(run)}" if took(run) else ""
    code = "@".join(filter(None, (run["git_branch"], (run["git_commit_hash"] or "")[:10])))
    facts = {
        "run": run["run_id"],
        "parent": run["parent_run_id"],
        "started": f"{moment(run['start_time'])}{lasted}",
        "trigger": run["trigger_type"],
        "items": items(run),
        "input": run["input_summary"],
        "output": run["output_summary"],
        "error": run["error_summary"],
        "metrics": flat(run["metrics_json"]),
        "context": flat(run["context_json"]),
        "where": ", ".join(filter(None, (run["host"], run["environment"]))),
        "code": " ".join(filter(None, (run["git_repo"], code))),
        "commit": _commit(run),
    }
    yield from ((name, value) for name, value in facts.items() if value)


def _commit(run: dict[str, Any]) -> str:
    """Return the commit that was associated with a run, whose it is, and who says so."""
    if not run["git_commit_source"]:
        return ""
    author, at = run["git_commit_author"], moment(run["git_commit_timestamp"])
    who = " ".join(filter(None, (author and f"by {author}", at and f"at {at}")))
    said = f"(said by {run['git_commit_source']})"
    return " ".join(filter(None, (run["git_commit_hash"], who, said)))


def _story(
    run: dict[str, Any], events: list[dict[str, Any]], children: list[dict[str, Any]]
) -> list[list[Cell]]:
    """Return what happened, in order: the start, events and children, the end."""
    moments: list[tuple[str, list[Cell]]] = [(run["start_time"], [("started", "bold"), ""])]
    moments += [
        (event["timestamp"], [event["event_type"], (flat(event["payload_json"]), "dim")])
        for event in events
    ]
    for child in children:
        ended = f"{child['status']} {took(child)}  {child['run_id']}"
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

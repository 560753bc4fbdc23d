"""`telemetry status`: what waits for whom and why, read from the disk without sending anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.cli.places import dead_letters_of, folders_of
from telemetry_core.cli.spool.text import told
from telemetry_core.cli.standing import WELL, as_seen, left_alone
from telemetry_core.cli.words import age
from telemetry_core.clock import SystemClock, iso8601
from telemetry_core.complaints import counted

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell, Screen
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.spool.survey import FolderView

_STATE_STYLES = {"on": "green", "off": "red"}
_CLOSING = "nothing but the end of its runs"
_BETWEEN_LOOKS = 0.5


@click.command
@config_option
@json_option
def status(config_path: str | None, as_json: bool) -> int:
    """Show what waits for whom, and why.

    Exit code 1 when a sink cannot be used or is left alone, when records of programs that have
    ended wait for `telemetry flush`, or when the disk would take none.
    """
    from telemetry_core.cli.screen import Screen, print_json

    found = _look(read_config(config_path))
    if as_json:
        print_json(found)
    else:
        _show(Screen(), found)
    return int(not found["ok"])


def _look(config: TelemetryConfig) -> dict[str, Any]:
    folders = folders_of(config)
    sinks = _sinks(config, folders)
    orphans = [view for view in folders if not view.alive and (view.pending or view.problem)]
    wrong = any(sink["state"] == "off" or left_alone(sink) for sink in sinks.values())
    unwritable = config.unwritable()
    return {
        "ok": not (wrong or orphans or unwritable),
        "service": config.service,
        "config": str(config.path) if config.path else None,
        "base_dir": str(config.base_dir),
        "unwritable": unwritable or None,
        "disabled": config.disabled,
        "sinks": sinks,
        "folders": [told(view) for view in folders],
    }


def _sinks(config: TelemetryConfig, folders: list[FolderView]) -> dict[str, dict[str, Any]]:
    """Return the figures of all active sinks, and of all others of which something is left."""
    from telemetry_core.cli.sinks import active_sinks
    from telemetry_core.delivery.spool.pace import pace

    buried = dead_letters_of(config).count()
    living = [view.path for view in folders if view.alive]
    rates = pace(living, SystemClock(), _BETWEEN_LOOKS) if living else {}
    with active_sinks(config) as views:
        sinks = {view.name: as_seen(config, view) for view in views}
    others = {*buried, *(name for view in folders for name in view.waiting)} - sinks.keys()
    sinks |= {name: {"state": "not active", "why": "", **WELL} for name in sorted(others)}
    return {
        name: sink
        | _backlog(name, folders)
        | {"rate": rates.get(name), "dead_letters": buried.get(name, 0)}
        for name, sink in sinks.items()
    }


def _backlog(name: str, folders: list[FolderView]) -> dict[str, Any]:
    waiting = [view.waiting[name] for view in folders if name in view.waiting]
    times = [part.oldest_ns for part in waiting if part.oldest_ns is not None]
    return {
        "pending": sum(part.records for part in waiting),
        "oldest": iso8601(min(times)) if times else None,
    }


def _show(screen: Screen, found: dict[str, Any]) -> None:
    from telemetry_core.cli.sinks import NONE_ACTIVE

    screen.line(("service ", "dim"), found["service"], ("  in ", "dim"), found["base_dir"])
    if found["disabled"]:
        screen.line(("TELEMETRY_DISABLED is set: nothing is recorded", "yellow"))
    if found["unwritable"]:
        problem = f"{found['unwritable']}; until then records are kept in memory only"
        screen.line((problem, "red"))
    if found["sinks"]:
        screen.heading("Sinks")
        columns = [
            "sink",
            "state",
            "pending",
            "oldest",
            "rate",
            "dead letters",
            "last error",
            "why",
        ]
        screen.table(columns, [_sink_cells(*sink) for sink in found["sinks"].items()])
    else:
        screen.line(NONE_ACTIVE)
    worth_telling = [
        folder for folder in found["folders"] if folder["pending"] or not folder["alive"]
    ]
    if worth_telling:
        screen.heading("Folders in which something waits")
        screen.table(
            ["folder", "of", "waiting"], [_folder_cells(folder) for folder in worth_telling]
        )
    screen.line()
    screen.line(_verdict(found))


def _sink_cells(name: str, sink: dict[str, Any]) -> list[Cell]:
    from telemetry_core.clock import parse_iso8601

    oldest = sink["oldest"]
    return [
        name,
        _state(sink),
        f"{sink['pending']:,}",
        age(parse_iso8601(oldest), SystemClock.time_ns()) if oldest else "-",
        "-" if sink["rate"] is None else f"{sink['rate']:,.0f}/s",
        f"{sink['dead_letters']:,}" if sink["dead_letters"] else "-",
        sink["last_error"] or "-",
        sink["why"],
    ]


def _state(sink: dict[str, Any]) -> Cell:
    if sink["paused"]:
        until = f" until {sink['paused_until'][:19]}Z" if sink["paused_until"] else ""
        return f"paused{until}", "red"
    if sink["circuit"] != "closed":
        return f"not answering, next try in {sink['retry_in']:.0f} s", "red"
    return sink["state"], _STATE_STYLES.get(sink["state"], "yellow")


def _folder_cells(folder: dict[str, Any]) -> list[Cell]:
    owner = f"process {folder['pid']}, alive" if folder["alive"] else "a process that has ended"
    waiting = ", ".join(f"{number:,} for {sink}" for sink, number in folder["pending"].items())
    return [
        folder["path"],
        f"{folder['service']}, {owner}",
        folder["problem"] or waiting or _CLOSING,
    ]


def _verdict(found: dict[str, Any]) -> Cell:
    ended = [folder for folder in found["folders"] if not folder["alive"]]
    owed = {sink for folder in ended for sink in folder["pending"]}
    absent = sorted(
        owed & {name for name, s in found["sinks"].items() if s["state"] == "not active"}
    )
    if owed and owed == set(absent):
        names = ", ".join(absent)
        return (
            f"Records wait for sinks that are not active; name them in `active`: {names}",
            "yellow",
        )
    if any(found["sinks"][name]["last_error"] for name in owed):
        return "Records wait for what the last errors say; then: telemetry flush", "yellow"
    if owed or any(folder["problem"] for folder in ended):
        return "Records of programs that have ended wait; try: telemetry flush", "yellow"
    if ended and found["ok"]:
        return "Programs were killed; their runs are closed by: telemetry flush", "yellow"
    if found["unwritable"]:
        return "The disk takes no records; see above.", "red"
    if not found["ok"]:
        return "A sink needs a look; see why above.", "red"
    pending = sum(sink["pending"] for sink in found["sinks"].values())
    if pending:
        return f"All is well: {counted(pending, 'record')} on the way.", "green"
    return "All is well: nothing waits.", "green"

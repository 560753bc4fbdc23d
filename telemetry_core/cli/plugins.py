"""`telemetry plugins`: what is installed, what of it is active, what is off and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell

_STYLES = {"on": "green", "off": "red", "silenced": "yellow", "installed": "dim"}


@click.command
@config_option
@json_option
def plugins(config_path: str | None, as_json: bool) -> int:
    """Show the sinks: installed, active, off and why.

    Exit code 1 when one that is active cannot be used.
    """
    from telemetry_core.cli.screen import Screen, print_json

    rows = _rows(config_path)
    well = all(row["state"] != "off" for row in rows)
    if as_json:
        print_json({"ok": well, "plugins": rows})
    elif rows:
        Screen().table(["plugin", "state", "from", "why"], [_cells(row) for row in rows])
    else:
        Screen().line("No plugin is installed; try: pip install telemetry-sqlite telemetry-ndjson")
    return int(not well)


def _rows(config_path: str | None) -> list[dict[str, Any]]:
    from telemetry_core.cli.sinks import active_sinks

    config = read_config(config_path)
    offered = {offer.name: offer for offer in config.installed.available()}
    with active_sinks(config) as sinks:
        found = [(sink.name, config.kind_of(sink.name), sink.state, sink.why) for sink in sinks]
    shown = {kind for _, kind, _, _ in found}
    found += [
        (name, name, "installed", "not named in `active`") for name in offered if name not in shown
    ]
    return [
        {
            "name": name,
            "plugin": kind,
            "state": state,
            "why": why,
            "distribution": offered[kind].distribution if kind in offered else None,
            "version": offered[kind].version if kind in offered else None,
        }
        for name, kind, state, why in found
    ]


def _cells(row: dict[str, Any]) -> list[Cell]:
    origin = f"{row['distribution']} {row['version']}" if row["distribution"] else "not installed"
    return [row["name"], (row["state"], _STYLES[row["state"]]), origin, row["why"]]

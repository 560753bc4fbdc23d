"""`telemetry health`: builds every active sink and asks it how it is, each under a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import config_option, json_option, read_config, timeout_option
from telemetry_core.cli.standing import WELL, left_alone, standing
from telemetry_core.cli.words import flat
from telemetry_core.clock import SystemClock

if TYPE_CHECKING:
    from telemetry_core.cli.screen import Cell, Screen
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.plugin import Plugin

_TO_CLOSE = 1.0  # seconds for all sinks to let go of what they opened


@click.command
@timeout_option(10, "How long each sink may take; all are asked at once.")
@config_option
@json_option
def health(timeout: float, config_path: str | None, as_json: bool) -> int:
    """Ask every sink how it is.

    Exit code 1 when one is not well, is left alone, or does not answer in time.
    """
    from telemetry_core.cli.screen import Screen, print_json

    found = examine(read_config(config_path), timeout)
    if as_json:
        print_json(found)
    else:
        _show(Screen(), found)
    return int(not found["ok"])


def examine(config: TelemetryConfig, timeout: float) -> dict[str, Any]:
    """Return what each active sink says of itself, and whether it is left alone."""
    from telemetry_core.cli.asking import Asked
    from telemetry_core.cli.sinks import quiet_manager

    manager = quiet_manager(config)
    sinks: dict[str, dict[str, Any]] = {
        name: {"ok": None, "message": f"silenced by {word}", "details": {}, **WELL}
        for name, word in manager.silenced.items()
    }
    asked = [Asked(plugin) for plugin in manager.plugins if plugin.name not in manager.silenced]
    until = SystemClock.monotonic() + timeout
    sinks |= {
        one.plugin.name: _sink(config, one.plugin, one.answer(until, timeout)) for one in asked
    }
    close_until = SystemClock.monotonic() + _TO_CLOSE
    for one in asked:
        one.close(close_until)
    unwritable = config.unwritable() or None
    ok = unwritable is None and all(sink["ok"] is not False for sink in sinks.values())
    return {
        "ok": ok,
        "unwritable": unwritable,
        "sinks": {name: sinks[name] for name in config.active if name in sinks},
    }


def _sink(config: TelemetryConfig, plugin: Plugin, said: dict[str, Any]) -> dict[str, Any]:
    """Return a sink's own word, and that it is left alone where an earlier process learned so."""
    stands = WELL if plugin.instance is None else standing(config, plugin)
    found = {**said, **{key: stands[key] for key in WELL}}
    if said["ok"] and left_alone(stands):
        state = "paused" if stands["paused"] else "not answering"
        why = stands.get("why") or stands["last_error"]
        found |= {"ok": False, "message": f"{state}: {why}; try: telemetry resume {plugin.name}"}
    return found


def _show(screen: Screen, found: dict[str, Any]) -> None:
    from telemetry_core.cli.sinks import NONE_ACTIVE

    if found["unwritable"]:
        screen.line((f"{found['unwritable']}; records are kept in memory only", "red"))
    if not found["sinks"]:
        screen.line(NONE_ACTIVE)
        return
    screen.table(
        ["sink", "health", "says", "details"], [_cells(*sink) for sink in found["sinks"].items()]
    )


def _cells(name: str, sink: dict[str, Any]) -> list[Cell]:
    health = {True: ("well", "green"), False: ("not well", "red"), None: ("silenced", "yellow")}
    details = {key: value for key, value in sink["details"].items() if value not in ([], "", None)}
    return [name, health[sink["ok"]], sink["message"], flat(details)]

"""`telemetry config show`: every setting in force, and who said so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from telemetry_core.cli.completing import setting_names
from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from telemetry_core.cli.config.in_force import Settings, Shown
    from telemetry_core.cli.screen import Cell
    from telemetry_core.config import TelemetryConfig

_STYLES = {"environment": "yellow", "file": "green", "default": "dim"}


@click.command("show")
@click.argument("table", metavar="[TABLE]", required=False, shell_complete=setting_names)
@config_option
@json_option
def show_settings(table: str | None, config_path: str | None, as_json: bool) -> None:
    """Show every setting, its value, and who said so; or those of one table.

    TABLE is named as in the file: delivery, plugins.sqlite. The environment wins over the file, the file over the default. Secrets are not shown.
    """
    from telemetry_core.cli.config.in_force import Settings
    from telemetry_core.cli.screen import Screen, print_json

    config = read_config(config_path)
    known = Settings(config)
    settings = list(known.all() if table is None else _within(known, table, config))
    if as_json:
        path = str(config.path) if config.path else None
        print_json({"config": path, "settings": [shown.told() for shown in settings]})
        return
    screen = Screen()
    screen.line(str(config.path or "No file is found; write one with: telemetry init"))
    screen.line()
    screen.table(["setting", "value", "from"], [_cells(shown) for shown in settings])


def _within(settings: Settings, table: str, config: TelemetryConfig) -> list[Shown]:
    from telemetry_core.cli.config.catalogue import key_path, meant

    path = meant(key_path(table), config)
    found = list(settings.within(path))
    if not found:
        tables = sorted({shown.path[0] for shown in settings.all() if len(shown.path) > 1})
        raise ConfigError(f"there are no settings {table}; tables are {', '.join(tables)}")
    return found


def _cells(shown: Shown) -> list[Cell]:
    from telemetry_core.cli.config.toml_text import shown_text

    place = os.path.basename(shown.where) if shown.source == "file" else shown.where
    return [shown.key, shown_text(shown.value), (place or shown.source, _STYLES[shown.source])]

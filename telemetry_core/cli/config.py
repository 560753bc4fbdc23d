"""`telemetry config`: shows the settings in force, and sets one in the file that is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.completing import setting_names
from telemetry_core.cli.options import config_option, json_option, read_config
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from telemetry_core.cli.configuring.showing import Shown
    from telemetry_core.cli.screen import Cell

_STYLES = {"environment": "yellow", "file": "green", "default": "dim"}


@click.command("show")
@config_option
@json_option
def show_settings(config_path: str | None, as_json: bool) -> None:
    """Show every setting, its value, and who said so.

    The environment wins over the file, the file over the default. Secrets are not shown.
    """
    from telemetry_core.cli.configuring.showing import Settings
    from telemetry_core.cli.screen import Screen, print_json

    config = read_config(config_path)
    settings = list(Settings(config).all())
    if as_json:
        path = str(config.path) if config.path else None
        print_json({"config": path, "settings": [_told(shown) for shown in settings]})
        return
    screen = Screen()
    screen.line(str(config.path or "No file is found; write one with: telemetry init"))
    screen.line()
    screen.table(["setting", "value", "from"], [_cells(shown) for shown in settings])


@click.command("get")
@click.argument("key", shell_complete=setting_names)
@config_option
@json_option
def get_setting(key: str, config_path: str | None, as_json: bool) -> None:
    """Print the value of one setting.

    KEY is named as it stands in the file, with dots: delivery.linger. A text is printed as it is, anything else as in the file; what nobody set is an empty line.
    """
    from telemetry_core.cli.configuring.catalogue import find
    from telemetry_core.cli.configuring.showing import Settings
    from telemetry_core.cli.screen import print_json

    config = read_config(config_path)
    shown = Settings(config).show(find(_path(key), config))
    if as_json:
        print_json(_told(shown))
    else:
        click.echo(shown.value if isinstance(shown.value, str) else _text(shown.value))


@click.command("set")
@click.argument("key", shell_complete=setting_names)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting out of the file.")
@config_option
@json_option
def set_setting(
    key: str, value: str | None, unset: bool, config_path: str | None, as_json: bool
) -> None:
    """Set one setting in the file; every other line stays.

    KEY is named with dots: delivery.linger. VALUE is written as in the file; a text needs no quotes, and a list may be given by commas.
    Nothing is written that no program could start with.
    """
    if unset == (value is not None):
        raise click.UsageError("give either a VALUE or --unset")
    from telemetry_core.cli.configuring.changing import located, set_key, unset_key

    file = located(config_path)
    path = _path(key)
    told = unset_key(file, path) if value is None else set_key(file, path, value)
    if as_json:
        from telemetry_core.cli.screen import print_json

        print_json(told)
        return
    click.echo(_sentence(told))
    for note in told["notes"]:
        click.echo(f"telemetry: {note}", err=True)


def _path(key: str) -> tuple[str, ...]:
    from telemetry_core.cli.configuring.toml_text import path_of

    try:
        return path_of(key)
    except ValueError:
        raise ConfigError(f"{key!r} is no key; one is named like delivery.linger") from None


def _sentence(told: dict[str, Any]) -> str:
    if told["value"] is not None:
        return f"{told['key']} = {_text(told['value'])} in {told['path']}"
    if told["changed"]:
        return f"{told['key']} is not set any more in {told['path']}"
    return f"{told['key']} was not set in {told['path']}"


def _told(shown: Shown) -> dict[str, Any]:
    return {
        "key": shown.key,
        "value": shown.value,
        "source": shown.source.value,
        "where": shown.where or None,
    }


def _cells(shown: Shown) -> list[Cell]:
    place = os.path.basename(shown.where) if shown.source == "file" else shown.where
    return [shown.key, _text(shown.value), (place or shown.source, _STYLES[shown.source])]


def _text(value: object) -> str:
    """Return a value as the file would have it; what is not set is nothing."""
    from telemetry_core.cli.configuring.toml_text import value_text

    try:
        return "" if value is None else value_text(value)
    except TypeError:
        return str(value)

"""`telemetry config set`: sets one setting in the file that is there, or takes it out."""

from __future__ import annotations

from typing import Any

import click

from telemetry_core.cli.completing import setting_names
from telemetry_core.cli.options import config_option, json_option


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
    from telemetry_core.cli.config.catalogue import key_path
    from telemetry_core.cli.config.changing import located, set_key, unset_key
    from telemetry_core.cli.screen import Screen, print_json

    file = located(config_path)
    path = key_path(key)
    told = unset_key(file, path) if value is None else set_key(file, path, value)
    if as_json:
        print_json(told)
        return
    Screen().line(_sentence(told))
    for note in told["notes"]:
        click.echo(f"telemetry: {note}", err=True)


def _sentence(told: dict[str, Any]) -> str:
    from telemetry_core.cli.config.toml_text import shown_text

    if told["value"] is not None:
        return f"{told['key']} = {shown_text(told['value'])} in {told['path']}"
    if told["changed"]:
        return f"{told['key']} is not set any more in {told['path']}"
    return f"{told['key']} was not set in {told['path']}"

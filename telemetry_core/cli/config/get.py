"""`telemetry config get`: the value of one setting, for scripts."""

from __future__ import annotations

import click

from telemetry_core.cli.completing import setting_names
from telemetry_core.cli.options import config_option, json_option, read_config


@click.command("get")
@click.argument("key", shell_complete=setting_names)
@config_option
@json_option
def get_setting(key: str, config_path: str | None, as_json: bool) -> None:
    """Print the value of one setting.

    KEY is named as it stands in the file, with dots: delivery.linger. A text is printed as it is, anything else as in the file; what nobody set is an empty line.
    """
    from telemetry_core.cli.config.catalogue import find, key_path, meant
    from telemetry_core.cli.config.in_force import Settings
    from telemetry_core.cli.config.toml_text import shown_text
    from telemetry_core.cli.screen import print_json

    config = read_config(config_path)
    shown = Settings(config).show(find(meant(key_path(key), config), config))
    if as_json:
        print_json(shown.told())
    else:
        click.echo(shown.value if isinstance(shown.value, str) else shown_text(shown.value))

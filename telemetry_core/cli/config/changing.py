"""Sets and unsets one key in the configuration file that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.cli.config.catalogue import PLUGINS, find, meant
from telemetry_core.cli.config.checking import check_file, is_source, typed
from telemetry_core.cli.config.editing import with_key, without_key
from telemetry_core.cli.config.in_force import Settings
from telemetry_core.cli.config.storing import rewrite
from telemetry_core.cli.config.switching import switch_off, switches_off
from telemetry_core.cli.config.toml_text import dotted
from telemetry_core.config import TelemetryConfig
from telemetry_core.config_file import find_config, table_in
from telemetry_core.credentials import Environment
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry_core.cli.config.catalogue import Path, Setting
    from telemetry_core.config_file import ConfigFile


def located(path: str | None) -> ConfigFile:
    """Return the file that a program starting here would read; raises `ConfigError` without one."""
    file = find_config(path, Environment(), ".")
    if file is None:
        raise ConfigError(
            "there is no telemetry.toml here or above; write one with: telemetry init"
        )
    return file


def set_key(file: ConfigFile, path: Path, text: str) -> dict[str, Any]:
    """Set a key to what a text means, and tell what is in the file now."""
    config = _uncertain(file)
    path = meant(path, config)
    setting = find(path, config)
    value = typed(setting, text, config)
    notes = switch_off(file, setting) if switches_off(setting, value) else []
    changed = _rewrite(file, path, lambda text, place: with_key(text, place, value))
    config = TelemetryConfig.read(located(str(file.path)), Environment({}))
    shown = Settings(config).show(setting)
    notes += _notes(setting, value, config)
    return _told(file, path, shown.value, changed, notes)


def unset_key(file: ConfigFile, path: Path) -> dict[str, Any]:
    """Take a key out of the file, also one that no setting has, and tell whether it was there."""
    path = meant(path, _uncertain(file))
    changed = _rewrite(file, path, without_key)
    if not changed:
        find(path, _uncertain(file))  # it may be misspelt
    return _told(file, path, None, changed, [])


def _told(
    file: ConfigFile, path: Path, value: object, changed: bool, notes: list[str]
) -> dict[str, Any]:
    return {
        "key": dotted(path),
        "value": value,
        "path": str(file.path),
        "changed": changed,
        "notes": notes,
    }


def _rewrite(file: ConfigFile, path: Path, edit: Callable[[str, Path], str]) -> bool:
    """Replace the file by its edited text, once that is known to be a configuration."""
    changed = False

    def change(text: str) -> str:
        nonlocal changed
        edited = edit(text, (*table_in(file.path), *path))
        changed = edited != text
        check_file(file, edited, path)
        return edited

    rewrite(file.path, change)
    return changed


def _uncertain(file: ConfigFile) -> TelemetryConfig:
    """Return as much of a configuration as says which plugins there are; the rest may be wrong."""
    tables = file.table.get(PLUGINS, {})
    known = tables.items() if isinstance(tables, dict) else ()
    plugins = {name: table for name, table in known if isinstance(table, dict)}
    return TelemetryConfig(
        environ=Environment({}), plugins=plugins, path=file.path, trusted=file.trusted
    )


def _notes(setting: Setting, value: object, config: TelemetryConfig) -> Iterator[str]:
    """Say what else somebody who set this should know."""
    if variable := Environment().first(*setting.variables):
        yield f"{variable.name} is set here and wins over the file"
    if setting.secret and not is_source(value):
        yield 'the secret stands in the file now; { env = "NAME" } keeps it out of there'
    if setting.path == ("active",):
        kinds = map(config.kind_of, config.active)
        yield from (
            config.installed.missing(kind) for kind in kinds if kind not in config.installed
        )

"""What somebody typed for a setting, as the value it means; and whether a file holds with it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from telemetry_core.building import Site, check_field
from telemetry_core.cli.config.catalogue import PLUGINS
from telemetry_core.cli.config.toml_text import value_of
from telemetry_core.clock import SystemClock
from telemetry_core.config import TelemetryConfig
from telemetry_core.config_file import ConfigFile, settings_in
from telemetry_core.credentials import Environment
from telemetry_core.errors import ConfigError, CredentialError
from telemetry_core.settings import PATH, Origin, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.cli.config.catalogue import Setting

SOURCES = ({"env"}, {"file"})  # the keys of a table that says where a secret is


def is_source(value: object) -> bool:
    """Tell whether a value says where a secret is instead of what it is."""
    return isinstance(value, dict) and value.keys() in SOURCES


def typed(setting: Setting, text: str, config: TelemetryConfig) -> Any:
    """Return the value that a text means for a setting; raises `ConfigError` when it fits none.

    It may be typed as in the file; a text needs no quotes there, and a list may be given by commas.
    """
    if not _is_utf8(text):
        raise ConfigError(f"{setting.key}: the value is not text in UTF-8")
    problems: list[ConfigError | CredentialError] = []
    for value in _readings(setting, text):
        try:
            _check(setting, value, config)
        except (ConfigError, CredentialError) as error:
            problems.append(error)
        else:
            return value
    raise problems[0]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that were no UTF-8
        return False
    return True


def _readings(setting: Setting, text: str) -> Iterator[Any]:
    """Give what a text may mean, the likeliest first."""
    with suppress(ValueError):
        yield value_of(text)
    if setting.kind is None:
        yield text
        yield list(pieces(text))
        return
    if setting.kind is not PATH:  # which would be made absolute from here
        with suppress(ValueError):
            value = setting.kind.parse(text)
            yield list(value) if isinstance(value, tuple) else value
    yield text


def _check(setting: Setting, value: object, config: TelemetryConfig) -> None:
    origin = Origin(setting.key)
    if setting.kind is not None:
        setting.kind.check(value, origin)
    elif setting.plugin is not None:
        site = Site.of(config, setting.path[1], SystemClock())._replace(origin=origin)
        try:
            check_field(setting.plugin, setting.path[-1], value, site)
        except CredentialError:
            if not is_source(value):  # a source may be empty here and full where the program runs
                raise


def check_file(file: ConfigFile, text: str, path: tuple[str, ...]) -> None:
    """Raise `ConfigError` when a file with this text, one key of it new, could not stand.

    It is read without the environment, which would hide what is wrong in the file.
    """
    table = settings_in(file.path, text.encode()) or {}
    edited = ConfigFile(file.path, table, file.trusted)
    TelemetryConfig.read(edited, Environment({}))
    if path[0] == PLUGINS:
        why = _why_off(edited, path[1])
        if why and not _why_off(file, path[1]):
            raise ConfigError(why)


def _why_off(file: ConfigFile, name: str) -> str:
    """Return what keeps an active sink from being built; empty when nothing does."""
    from telemetry_core.cli.sinks import OFF, active_sinks

    with active_sinks(TelemetryConfig.read(file, Environment())) as sinks:
        return next((sink.why for sink in sinks if sink.name == name and sink.state == OFF), "")

"""Every setting there is: the core's own, and those of the plugins a configuration names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define

from telemetry_core.building import Site, settings_of
from telemetry_core.cli.config.toml_text import dotted, path_of
from telemetry_core.clock import SystemClock
from telemetry_core.config import (
    DeliverySettings,
    PluginOptions,
    PrivacySettings,
    TelemetryConfig,
)
from telemetry_core.credentials import Secret
from telemetry_core.errors import ConfigError, PluginError
from telemetry_core.settings import keys_of, nearest, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry_core.settings import SettingType

Path = tuple[str, ...]

_GROUPS: Mapping[Path, type] = {
    (): TelemetryConfig,
    ("delivery",): DeliverySettings,
    ("privacy",): PrivacySettings,
}
PLUGINS = "plugins"
_OF_A_SINK = 3  # plugins, the sink, the key


@define(frozen=True)
class Setting:
    """One setting: what it is called in a file and how it is checked.

    :ivar field: the name it has in its class.
    :ivar kind: of one that the core reads; `plugin` is the class that has it otherwise.
    :ivar secret: nobody is to read its value.
    """

    path: Path
    variables: tuple[str, ...]
    field: str
    default: object = None
    kind: SettingType | None = None
    plugin: type | None = None
    secret: bool = False

    @property
    def key(self) -> str:
        """What one types for it."""
        return dotted(self.path)


def key_path(key: str) -> Path:
    """Return the path that somebody typed as a key; raises `ConfigError` when it is none."""
    try:
        return path_of(key)
    except ValueError:
        raise ConfigError(f"{key!r} is no key; one is named like delivery.linger") from None


def meant(path: Path, config: TelemetryConfig) -> Path:
    """Return a path as it stands in the file, whatever other name a plugin has for its table."""
    if path[0] in {PLUGINS, *(setting.path[0] for setting in core_settings())}:
        return path
    for kind in config.installed.names():
        if _also_named(kind, config) == path[0]:
            sinks = dict.fromkeys((*config.active, *config.plugins))
            name = next((name for name in sinks if config.kind_of(name) == kind), kind)
            return (PLUGINS, name, *path[1:])
    return path


def _also_named(kind: str, config: TelemetryConfig) -> object:
    with suppress(ConfigError, PluginError):
        return getattr(config.installed.load(kind), "also_named", None)
    return None


def find(path: Path, config: TelemetryConfig) -> Setting:
    """Return the setting of this path; raises `ConfigError` with what was perhaps meant."""
    known = {setting.path: setting for setting in core_settings()}
    if path[0] == PLUGINS and len(path) == _OF_A_SINK:
        known = {setting.path: setting for setting in sink_settings(path[1], config)}
        if path[-1] != "plugin":  # which says what the rest are settings of
            config.installed.load(config.kind_of(path[1]))
    if path in known:
        return known[path]
    raise ConfigError(f"{dotted(path)}: there is no such setting; {_near(path, list(known))}")


def _near(path: Path, known: list[Path]) -> str:
    within = [dotted(other) for other in known if other[: len(path)] == path]
    if within:
        return f"it is a table of {', '.join(within)}"
    if path[0] == PLUGINS and len(path) != _OF_A_SINK:
        return "a sink's settings are named plugins.NAME.KEY"
    names = [dotted(other) for other in known]
    near = nearest(dotted(path), names) or nearest(path[-1], names)
    last = {other[-1]: dotted(other) for other in known}
    near = near or last.get(nearest(path[-1], list(last)) or "")
    return f"did you mean {near}?" if near else f"there are {', '.join(names)}"


def core_settings() -> Iterator[Setting]:
    """Give the settings of the core in the order of the documentation."""
    for group, cls in _GROUPS.items():
        for key, attribute in keys_of(cls).items():
            variables = variables_of(key, attribute)
            kind = attribute.metadata["kind"]
            yield Setting((*group, key), variables, attribute.name, kind=kind)


def sink_settings(name: str, config: TelemetryConfig) -> Iterator[Setting]:
    """Give the settings that the table of a sink can hold: its plugin's, then the core's.

    A plugin that cannot be had has none of its own.
    """
    table = (PLUGINS, name)
    with suppress(ConfigError, PluginError):
        cls = config.installed.load(config.kind_of(name))
        offered = Site.of(config, name, SystemClock()).offered
        for key, attribute in settings_of(cls).items():
            if key not in offered or key in config.plugins.get(name, {}):
                variables = attribute.metadata.get("env", ())
                secret = Secret.__name__ in str(attribute.type)  # or in `Secret | None`
                yield Setting(
                    (*table, key), variables, key, _default(attribute), plugin=cls, secret=secret
                )
    for key, attribute in keys_of(PluginOptions).items():
        kind = attribute.metadata["kind"]
        yield Setting((*table, key), (), attribute.name, attribute.default, kind=kind)


def _default(attribute: attrs.Attribute[Any]) -> object:
    """Return what a field is without a word on it; nothing where only its instance knows."""
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return None if default.takes_self else default.factory()
    return None if default is attrs.NOTHING else default

"""The settings in force: each with its value, as it may be shown, and who said so."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_core.cli.config.catalogue import PLUGINS, Setting, core_settings, sink_settings
from telemetry_core.cli.config.checking import is_source
from telemetry_core.cli.config.editing import line_of
from telemetry_core.cli.config.storing import read_text
from telemetry_core.cli.config.toml_text import dotted
from telemetry_core.config_file import table_in
from telemetry_core.privacy import REDACTED, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.cli.config.catalogue import Path
    from telemetry_core.config import TelemetryConfig


class Source(StrEnum):
    """Who has the say in a setting."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@define(frozen=True)
class Shown:
    """One setting as it may be shown.

    :ivar where: the variable, or the file with the line.
    """

    path: Path
    value: Any
    source: Source
    where: str = ""

    @property
    def key(self) -> str:
        """What one types for it."""
        return dotted(self.path)

    def told(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "key": self.key,
            "value": self.value,
            "source": self.source.value,
            "where": self.where or None,
        }


class Settings:
    """Says of each setting what is in force and who said so."""

    def __init__(self, config: TelemetryConfig) -> None:
        self._config = config
        self._text = read_text(config.path.read_bytes()) if config.path else ""
        self._redactor = Redactor(config.privacy.redact, home="")

    def all(self) -> Iterator[Shown]:
        """Give the settings of the core, and of each sink its plugin's and what its table says."""
        yield from map(self.show, core_settings())
        for name in dict.fromkeys((*self._config.active, *self._config.plugins)):
            yield from self._of_sink(name)

    def within(self, path: Path) -> Iterator[Shown]:
        """Give the settings of one table; those of a sink also where it is not active."""
        of_sink = path[0] == PLUGINS and len(path) > 1
        found = self._of_sink(path[1]) if of_sink else self.all()
        return (shown for shown in found if shown.path[: len(path)] == path)

    def _of_sink(self, name: str) -> Iterator[Shown]:
        config = self._config
        table = config.plugins.get(name, {})
        known = {setting.path[-1]: setting for setting in sink_settings(name, config)}
        for key, setting in known.items():
            if setting.plugin is not None or key in table:
                yield self.show(setting)
        for key in table.keys() - known.keys():  # its plugin is not there to know it
            yield self.show(Setting((PLUGINS, name, key), (), key))

    def show(self, setting: Setting) -> Shown:
        """Return what is in force for one setting."""
        value = self._masked(setting, self._value(setting))
        if variable := self._config.environ.first(*setting.variables):
            return Shown(setting.path, value, Source.ENVIRONMENT, variable.name)
        if place := self.place(setting.path):
            return Shown(setting.path, value, Source.FILE, place)
        return Shown(setting.path, value, Source.DEFAULT)

    def _value(self, setting: Setting) -> Any:
        config, (*group, key) = self._config, setting.path
        if setting.path[0] != PLUGINS:
            return getattr(getattr(config, group[0]) if group else config, setting.field)
        said = config.environ.text(*setting.variables)
        return said or config.plugins.get(group[1], {}).get(key, setting.default)

    def place(self, setting: Path) -> str:
        """Return the file and the line in which a setting stands; empty where it is not set."""
        path = self._config.path
        line = line_of(self._text, (*table_in(path), *setting)) if path else None
        return f"{path}:{line}" if line else ""

    def _masked(self, setting: Setting, value: Any) -> Any:
        """Return a value without what nobody is to read; of a secret, where it comes from."""
        if value is None or is_source(value):
            return value
        if setting.secret:
            return REDACTED
        plain = os.fspath(value) if isinstance(value, os.PathLike) else value
        if setting.path[0] != PLUGINS:  # the core has no secrets, whatever records are to hide
            return plain
        name = setting.path[-1]
        return self._redactor.redact({name: plain})[name]

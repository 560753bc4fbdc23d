"""Whether the configuration is found, holds, and is read to its last table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.cli.config.catalogue import core_settings, sink_settings
from telemetry_core.cli.config.in_force import Settings, Source
from telemetry_core.cli.doctor.reports import ok, warn
from telemetry_core.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.records import Finding

_PREFIX = "TELEMETRY_"
_NO_SETTINGS = ("CONFIG", "DISABLED", "TEST_MODE", "PARENT_RUN_ID", "ENVIRONMENT", "API_URL")


def configuration(config: TelemetryConfig) -> Iterator[Finding]:
    """Say where the settings come from and which words nobody listens to."""
    if config.path:
        yield ok("file", f"{config.path} is read, and holds")
    else:
        yield ok("file", "no file is found: the environment and the defaults are in force")
    yield from _winners(config)
    yield from _misspelt(config)
    yield from _idle_tables(config)


def _winners(config: TelemetryConfig) -> Iterator[Finding]:
    """Say which variables win over the file."""
    settings = Settings(config)
    for shown in settings.all():
        place = settings.place(shown.path)
        if shown.source is Source.ENVIRONMENT and place:
            yield ok(shown.where, f"{shown.where} wins over {shown.key} in {place}")


def _misspelt(config: TelemetryConfig) -> Iterator[Finding]:
    """Say which variables look like one of ours, and are none."""
    settings = [*core_settings()]
    named = {*config.active, *config.plugins}  # no other plugin is to be imported
    settings += [setting for name in named for setting in sink_settings(name, config)]
    known = {name for setting in settings for name in setting.variables}
    known |= {f"{_PREFIX}{word}" for word in _NO_SETTINGS}
    words = [name.removeprefix(_PREFIX) for name in known]
    strangers = {name for name in config.environ.names() if name.startswith(_PREFIX)} - known
    for name in sorted(strangers):
        if near := nearest(name.removeprefix(_PREFIX), words):
            yield warn(name, f"nobody reads {name}", f"did you mean {_PREFIX}{near}?")


def _idle_tables(config: TelemetryConfig) -> Iterator[Finding]:
    for name in config.plugins.keys() - {*config.active}:
        table = f"[plugins.{name}]"
        if (kind := config.kind_of(name)) in config.installed:
            remedy = f"name {name} in `active`, or take the table out"
            yield warn(f"plugins.{name}", f"nobody reads {table}: {name} is not active", remedy)
        else:
            what = f"{table} is for a plugin that is neither installed nor active"
            yield warn(f"plugins.{name}", what, config.installed.missing(kind))

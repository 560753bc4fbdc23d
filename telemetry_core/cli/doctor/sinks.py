"""Whether each active plugin can be built and says that it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from telemetry_core.cli.asking import word_of
from telemetry_core.cli.doctor.limit import in_turn
from telemetry_core.cli.doctor.reports import fail, ok, warn
from telemetry_core.cli.sinks import quiet_manager
from telemetry_core.cli.standing import standing
from telemetry_core.records import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.plugin import Plugin


def sinks(config: TelemetryConfig, seconds: float) -> Iterator[Finding]:
    """Examine every active plugin, each in a thread of its own and for so long at most."""
    if config.disabled:
        yield ok("disabled", "telemetry is disabled: no sink is built")
        return
    manager = quiet_manager(config)
    for name, word in manager.silenced.items():
        yield warn(name, f"{name} is silenced by {word}", "unset it, unless that is meant")
    if not config.active:
        remedy = "name sinks in `active`: telemetry plugins shows what is installed"
        yield warn("active", "no sink is active: what is recorded goes nowhere", remedy)
    for plugin in manager.plugins:
        if plugin.name not in manager.silenced:
            yield from _named(plugin.name, _examined(plugin, config, seconds))


def _named(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        if finding.name == name or finding.name.startswith(f"{name}."):
            yield finding
        else:
            yield attrs.evolve(finding, name=f"{name}.{finding.name}")


def _examined(plugin: Plugin, config: TelemetryConfig, seconds: float) -> list[Finding]:
    steps = {
        "build": lambda: _built(plugin),
        "health": lambda: _health(plugin),
        "delivery": lambda: _delivery(plugin, config),
        "findings": lambda: _own(plugin),
        "close": lambda: _closed(plugin),
    }
    return in_turn(plugin.name, steps, seconds)


def _built(plugin: Plugin) -> Iterator[Finding]:
    try:
        plugin.build()
    except Exception as error:
        yield fail("build", str(error), "correct that, or take it out of `active`")
    else:
        yield ok("build", f"{plugin.name} is built, with {', '.join(sorted(plugin.hooks))}")


def _health(plugin: Plugin) -> Iterator[Finding]:
    if plugin.instance is None:
        return
    said = word_of(plugin)
    what = f"{plugin.name}: {said['message'] or 'it is well'}"
    if said["ok"]:
        yield ok("health", what)
    else:
        yield fail("health", what, "do what it says; telemetry status shows what waits")


def _delivery(plugin: Plugin, config: TelemetryConfig) -> Iterator[Finding]:
    """Say whether earlier processes found that the sink is to be left alone."""
    if plugin.instance is None or not plugin.ships:
        return
    found = standing(config, plugin)
    why = found.get("why") or "nobody knows why"
    if found["paused"]:
        remedy = f"remove the reason, then: telemetry resume {plugin.name}"
        yield warn("pause", f"{plugin.name} is paused: {why}", remedy)
    if found["circuit"] != "closed":
        last = f"; the last time: {found['last_error']}" if found["last_error"] else ""
        remedy = "it is tried again by itself; telemetry status shows when"
        yield warn("circuit", f"{plugin.name} does not answer{last}", remedy)


def _own(plugin: Plugin) -> Iterator[Finding]:
    """Give what the plugin itself finds."""
    findings = plugin.offer("findings")
    for finding in findings() if findings is not None else ():
        if not isinstance(finding, Finding):
            raise TypeError(f"findings() gave {finding!r}, which is no Finding")
        what = f"{plugin.name}: {finding.what}"
        yield attrs.evolve(finding, level=Level(finding.level), what=what)


def _closed(plugin: Plugin) -> Iterator[Finding]:
    if plugin.close is not None:
        plugin.close()
    yield from ()

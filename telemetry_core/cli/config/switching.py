"""Asks a sink that is about to be switched off whether it may be, and delivers its last event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core.config import TelemetryConfig
from telemetry_core.credentials import Environment
from telemetry_core.errors import TelemetryError, described

if TYPE_CHECKING:
    from telemetry_core.cli.config.catalogue import Setting
    from telemetry_core.cli.sinks import SinkView
    from telemetry_core.config_file import ConfigFile

_PATIENCE = 10.0  # seconds for the last event

LastEvent = tuple[str, dict[str, Any]]


def switches_off(setting: Setting, value: object) -> bool:
    """Tell whether a value switches off a sink that wants to be asked."""
    asks = callable(getattr(setting.plugin, "may_disable", None))
    return asks and setting.path[-1] == "enabled" and value is False


def switch_off(file: ConfigFile, setting: Setting) -> list[str]:
    """Deliver what a sink says last, and return what its user should know.

    Raises `TelemetryError` when it may not be switched off, or when nobody can tell.
    """
    config = TelemetryConfig.read(file, Environment())
    event = _last_event(config, setting)
    if event is None:
        return []
    error = _delivered(evolve(config, active=(setting.path[1],), on_error="log"), *event)
    return [f"its last event is not delivered: {error}"] if error else []


def _last_event(config: TelemetryConfig, setting: Setting) -> LastEvent | None:
    """Return what a sink says last, if it has a last word; raises `TelemetryError`."""
    from telemetry_core.cli.sinks import SinkView, active_sinks

    name = setting.path[1]
    with active_sinks(config) as sinks:
        view = next((sink for sink in sinks if sink.name == name), SinkView(name, "not active"))
        if why := _why_not(config, view):
            raise TelemetryError(f"{setting.key} stays as it is: {why}")
        say = view.plugin.offer("last_event") if view.plugin else None
        event: LastEvent | None = say() if say else None
        return event


def _why_not(config: TelemetryConfig, view: SinkView) -> str:
    """Say why a sink may not be switched off; empty when it may be."""
    from telemetry_core.cli.sinks import ON

    if config.disabled:
        return f"{view.name} is silenced by TELEMETRY_DISABLED, and is not asked"
    ask = view.plugin.offer("may_disable") if view.plugin else None
    if view.state != ON or ask is None:
        why = f"{view.state} {view.why}".strip()
        return f"{view.name} is {why}; it sends nothing, and is not asked"
    try:
        answer = ask()
    except Exception as error:  # nobody knows, so it may not
        return described(error)
    return "" if answer.ok else answer.message


def _delivered(config: TelemetryConfig, event_type: str, payload: dict[str, Any]) -> str:
    """Record an event for the one active sink; return why it is not delivered, if it is not."""
    from telemetry_core.client import TelemetryClient

    with TelemetryClient(config) as client:
        client.capture(event_type, properties=payload)
        report = client.flush(_PATIENCE)
    sink = report.sinks[config.active[0]]
    if not sink.pending and not sink.refused:
        return ""
    return sink.error or "nobody answered in time"

"""Makes the core's clients that those of this package speak through."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import ConfigError, TelemetryClient, TelemetryConfig
from telemetry_posthog.address import NO_KEY, project_key
from telemetry_posthog.consent import Consent
from telemetry_posthog.constants import FLUSH_TIMEOUT, WORKER_WAKE_INTERVAL
from telemetry_posthog.sink import PostHogSink

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = PostHogSink.name


def in_memory(settings: Mapping[str, Any], queue_size: int) -> TelemetryClient:
    """Return a client of the core's with one sink, whose records wait in memory.

    Raises `TelemetryError` or `TypeError` for settings that cannot be meant.
    """
    config = TelemetryConfig.from_env()
    if _refused(config, settings.get("consent")):
        return _silent(config)
    sink = PostHogSink(**settings)
    delivery = evolve(config.delivery, linger=WORKER_WAKE_INTERVAL, exit_timeout=FLUSH_TIMEOUT)
    table = {"delivery": "memory", "queue_size": queue_size}
    own = evolve(config, active=(), delivery=delivery, plugins={_NAME: table})
    return TelemetryClient(own, plugins=[sink])


def to_posthog(default: TelemetryClient) -> TelemetryClient:
    """Return what speaks to PostHog as the configuration of the default client says.

    Raises `ConfigError` where there is no key, or none that could be one.
    """
    config = default.config
    if config is None:  # it could not be read, and its client has said so
        return default
    name = next((one for one in config.active if config.kind_of(one) == _NAME), _NAME)
    table = config.plugins.get(name, {})
    if _refused(config, _consent_in(config, table)):
        return _silent(config)
    if not _has_key(config, table):
        raise ConfigError(NO_KEY)
    return default if name in config.active else TelemetryClient(evolve(config, active=(name,)))


def _consent_in(config: TelemetryConfig, table: Mapping[str, Any]) -> Path | None:
    """Return the file that a table names as the core reads it: from the configuration's folder on."""
    if (consent := table.get("consent")) is None:
        return None
    return (config.path.parent if config.path else Path()) / os.path.expanduser(str(consent))


def _refused(config: TelemetryConfig, consent: str | os.PathLike[str] | None) -> bool:
    """Tell whether the user wants nothing sent: by a variable, or by the choice he stored."""
    if config.disabled or config.do_not_track:
        return True
    return consent is not None and not Consent.stored(consent).telemetry


def _has_key(config: TelemetryConfig, table: Mapping[str, Any]) -> bool:
    """Tell whether there is a key, or a file where its reader will find it."""
    key = config.environ.text("POSTHOG_API_KEY") or table.get("api_key")
    if isinstance(key, dict) and "env" in key:
        key = config.environ.text(str(key["env"]))
    return bool(project_key(key) if isinstance(key, str) else key)


def _silent(config: TelemetryConfig) -> TelemetryClient:
    return TelemetryClient(evolve(config, disabled=True))

"""The configuration of a client in a test, in which the machine it runs on has no say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.safety import environment
from telemetry_core import ConfigError, DeliverySettings, PrivacySettings, load_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry_core import TelemetryConfig

_GROUPS = {"delivery": DeliverySettings, "privacy": PrivacySettings}


def configured(folder: Path, settings: Mapping[str, Any]) -> TelemetryConfig:
    """Return what settings in the shape of a `telemetry.toml` say; paths are below a folder.

    Without a word of theirs no sink is active and misuse raises. Raises `ConfigError`.
    """
    base_dir = folder / settings.get("base_dir", "telemetry")
    environ = {**environment(settings), "TELEMETRY_BASE_DIR": str(base_dir)}
    config = load_config(environ=environ)
    ours = {"active": (), "on_error": "raise", **settings, "base_dir": base_dir}
    for name, value in ours.items():
        _state(config, name, value)
    return config


def _state(config: TelemetryConfig, name: str, value: Any) -> None:
    if not hasattr(config, name):
        raise ConfigError(f"telemetry_settings: there is no setting {name!r}")
    try:
        setattr(config, name, _GROUPS[name](**value) if name in _GROUPS else value)
    except TypeError as error:
        raise ConfigError(f"telemetry_settings: {name}: {error}") from error

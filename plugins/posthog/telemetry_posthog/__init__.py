"""The posthog sink and the clients that speak through it, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_posthog.address import AddressError as AddressError
    from telemetry_posthog.consent import Consent as Consent
    from telemetry_posthog.constants import DEFAULT_QUEUE_SIZE as DEFAULT_QUEUE_SIZE
    from telemetry_posthog.constants import FLUSH_TIMEOUT as FLUSH_TIMEOUT
    from telemetry_posthog.constants import PH_API_ENDPOINT as PH_API_ENDPOINT
    from telemetry_posthog.constants import PH_API_HOST as PH_API_HOST
    from telemetry_posthog.constants import WORKER_WAKE_INTERVAL as WORKER_WAKE_INTERVAL
    from telemetry_posthog.excepthook import install_excepthook as install_excepthook
    from telemetry_posthog.module_level import _flush_telemetry_on_exit as _flush_telemetry_on_exit
    from telemetry_posthog.module_level import _get_telemetry_client as _get_telemetry_client
    from telemetry_posthog.module_level import capture as capture
    from telemetry_posthog.module_level import capture_exception as capture_exception
    from telemetry_posthog.module_level import client as client
    from telemetry_posthog.module_level import flush as flush
    from telemetry_posthog.sink import PostHogSink as PostHogSink
    from telemetry_posthog.telemetry_client import CaptureArgs as CaptureArgs
    from telemetry_posthog.telemetry_client import TelemetryClient as TelemetryClient
    from telemetry_posthog.values import plain as plain

_HOMES = {
    "AddressError": "address",
    "CaptureArgs": "telemetry_client",
    "Consent": "consent",
    "DEFAULT_QUEUE_SIZE": "constants",
    "FLUSH_TIMEOUT": "constants",
    "PH_API_ENDPOINT": "constants",
    "PH_API_HOST": "constants",
    "PostHogSink": "sink",
    "TelemetryClient": "telemetry_client",
    "WORKER_WAKE_INTERVAL": "constants",
    "_flush_telemetry_on_exit": "module_level",
    "_get_telemetry_client": "module_level",
    "capture": "module_level",
    "capture_exception": "module_level",
    "client": "module_level",
    "flush": "module_level",
    "install_excepthook": "excepthook",
    "plain": "values",
}

__all__ = [name for name in _HOMES if not name.startswith("_")]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

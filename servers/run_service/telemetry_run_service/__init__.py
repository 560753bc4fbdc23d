"""The run service: an HTTP API over the runs database, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_run_service.app import create_app as create_app
    from telemetry_run_service.logs.log import log_error as log_error
    from telemetry_run_service.logs.log import log_query as log_query
    from telemetry_run_service.logs.log import log_update as log_update
    from telemetry_run_service.logs.log import track_duration as track_duration
    from telemetry_run_service.settings.settings import ServiceSettings as ServiceSettings

_HOMES = {
    "ServiceSettings": "settings.settings",
    "create_app": "app",
    "log_error": "logs.log",
    "log_query": "logs.log",
    "log_update": "logs.log",
    "track_duration": "logs.log",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

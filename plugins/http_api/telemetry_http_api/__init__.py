"""The http_api sink and what speaks to a run service, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_http_api.client import HTTPAPIClient as HTTPAPIClient
    from telemetry_http_api.errors import AddressError as AddressError
    from telemetry_http_api.errors import AmbiguousIdError as AmbiguousIdError
    from telemetry_http_api.errors import APIError as APIError
    from telemetry_http_api.errors import APIUnavailableError as APIUnavailableError
    from telemetry_http_api.errors import APIValidationError as APIValidationError
    from telemetry_http_api.filtering import RunFilter as RunFilter
    from telemetry_http_api.queries import Page as Page
    from telemetry_http_api.queries import RunsOverHttp as RunsOverHttp
    from telemetry_http_api.sink import HttpApiSink as HttpApiSink
    from telemetry_http_api.stale import cleanup_on_startup as cleanup_on_startup
    from telemetry_http_api.stale import cleanup_stale_runs as cleanup_stale_runs

_HOMES = {
    "APIError": "errors",
    "APIUnavailableError": "errors",
    "APIValidationError": "errors",
    "AddressError": "errors",
    "AmbiguousIdError": "errors",
    "HTTPAPIClient": "client",
    "HttpApiSink": "sink",
    "Page": "queries",
    "RunFilter": "filtering",
    "RunsOverHttp": "queries",
    "cleanup_on_startup": "stale",
    "cleanup_stale_runs": "stale",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

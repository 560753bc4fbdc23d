"""The sqlite sink and its database, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_sqlite.care.stale import close_stale_runs as close_stale_runs
    from telemetry_sqlite.errors import AmbiguousIdError as AmbiguousIdError
    from telemetry_sqlite.errors import DatabaseUnusableError as DatabaseUnusableError
    from telemetry_sqlite.errors import UnknownSchemaError as UnknownSchemaError
    from telemetry_sqlite.filtering import RunFilter as RunFilter
    from telemetry_sqlite.queries import Page as Page
    from telemetry_sqlite.queries import RunQueries as RunQueries
    from telemetry_sqlite.sink import SqliteSink as SqliteSink
    from telemetry_sqlite.writer import DatabaseWriter as DatabaseWriter

_HOMES = {
    "AmbiguousIdError": "errors",
    "DatabaseUnusableError": "errors",
    "DatabaseWriter": "writer",
    "Page": "queries",
    "RunFilter": "filtering",
    "RunQueries": "queries",
    "SqliteSink": "sink",
    "UnknownSchemaError": "errors",
    "close_stale_runs": "care.stale",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

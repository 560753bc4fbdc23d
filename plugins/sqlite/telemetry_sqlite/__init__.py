"""The sqlite sink and its database, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_sqlite.care.stale import close_stale_runs as close_stale_runs
    from telemetry_sqlite.changes import Put as Put
    from telemetry_sqlite.changes import change_run as change_run
    from telemetry_sqlite.changes import patch_run as patch_run
    from telemetry_sqlite.changes import put_run as put_run
    from telemetry_sqlite.changes import put_runs as put_runs
    from telemetry_sqlite.changes import put_together as put_together
    from telemetry_sqlite.database import Database as Database
    from telemetry_sqlite.errors import AmbiguousIdError as AmbiguousIdError
    from telemetry_sqlite.errors import DatabaseBusyError as DatabaseBusyError
    from telemetry_sqlite.errors import DatabaseFullError as DatabaseFullError
    from telemetry_sqlite.errors import DatabaseUnusableError as DatabaseUnusableError
    from telemetry_sqlite.errors import UnknownSchemaError as UnknownSchemaError
    from telemetry_sqlite.filtering import RunFilter as RunFilter
    from telemetry_sqlite.listing import RowPage as RowPage
    from telemetry_sqlite.queries import Page as Page
    from telemetry_sqlite.queries import RunQueries as RunQueries
    from telemetry_sqlite.readers import Readers as Readers
    from telemetry_sqlite.rows import EVENT_COLUMNS as EVENT_COLUMNS
    from telemetry_sqlite.rows import ROW_COLUMNS as ROW_COLUMNS
    from telemetry_sqlite.rows import RUN_COLUMNS as RUN_COLUMNS
    from telemetry_sqlite.rows import event_dict as event_dict
    from telemetry_sqlite.rows import run_dict as run_dict
    from telemetry_sqlite.sink import SqliteSink as SqliteSink
    from telemetry_sqlite.store import store_records as store_records
    from telemetry_sqlite.tallies import Names as Names
    from telemetry_sqlite.tallies import Totals as Totals
    from telemetry_sqlite.writer import DatabaseWriter as DatabaseWriter

_HOMES = {
    "AmbiguousIdError": "errors",
    "Database": "database",
    "DatabaseBusyError": "errors",
    "DatabaseFullError": "errors",
    "DatabaseUnusableError": "errors",
    "DatabaseWriter": "writer",
    "EVENT_COLUMNS": "rows",
    "Names": "tallies",
    "Page": "queries",
    "Put": "changes",
    "ROW_COLUMNS": "rows",
    "RUN_COLUMNS": "rows",
    "Readers": "readers",
    "RowPage": "listing",
    "RunFilter": "filtering",
    "RunQueries": "queries",
    "SqliteSink": "sink",
    "Totals": "tallies",
    "UnknownSchemaError": "errors",
    "change_run": "changes",
    "close_stale_runs": "care.stale",
    "event_dict": "rows",
    "patch_run": "changes",
    "put_run": "changes",
    "put_runs": "changes",
    "put_together": "changes",
    "run_dict": "rows",
    "store_records": "store",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""What keeps a request from the database, and which errors are whose fault."""

from __future__ import annotations

import sqlite3

from telemetry_sqlite import DatabaseUnusableError

from telemetry_core import TelemetryError

# What one request may be to blame for, and no other one of its transaction.
BLAME = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, ValueError, TypeError)


class TooBusyError(TelemetryError):
    """More is waiting than will be done in time, or nothing is done any more."""


class DatabaseMissingError(TelemetryError):
    """The file of the database is gone; the next write begins another one."""


# What keeps the service from its database, and is nobody's fault who asked.
TROUBLE = (sqlite3.Error, OSError, DatabaseUnusableError, TooBusyError, DatabaseMissingError)

"""What can be wrong with a runs database, each error saying what to do next."""

from __future__ import annotations

from telemetry_core import TelemetryError


class DatabaseUnusableError(TelemetryError):
    """The runs database cannot be used now: damaged, locked for long, or out of reach.

    :ivar what: what is wrong; `remedy`: what to do about it, where that is known.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__("; ".join(filter(None, (what, remedy))))
        self.what = what
        self.remedy = remedy


class DatabaseBusyError(DatabaseUnusableError):
    """Somebody else kept the runs database locked for longer than one could wait; try again."""


class DatabaseFullError(DatabaseUnusableError):
    """The disk has no room for what was to be written; nothing of it was."""


class UnknownSchemaError(DatabaseUnusableError):
    """The file is a database, but not one of ours or not of a version we know."""


class AmbiguousIdError(TelemetryError):
    """The beginning of an id was given, and several runs begin so."""

"""Why the service does not start, and the exit code that says so to whoever started it."""

from __future__ import annotations

from typing import ClassVar

from telemetry_core import TelemetryError

WRONG = 1
SETTINGS_REFUSED = 3


class StartRefusedError(TelemetryError):
    """The service cannot start; the text says why and what to do."""

    exit_code: ClassVar[int] = WRONG


class DatabaseTakenError(StartRefusedError):
    """Another service has the database."""

    exit_code = 4


class DatabaseRefusedError(StartRefusedError):
    """The database cannot be served: not ours, too old, damaged, or out of reach."""

    exit_code = 5


class AddressRefusedError(StartRefusedError):
    """The address cannot be listened on."""

    exit_code = 6

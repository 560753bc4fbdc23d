"""What can be wrong with a run service or with what it is told, each error saying what to do."""

from __future__ import annotations

from telemetry_core import ConfigError, TelemetryError


class AddressError(ConfigError, ValueError):
    """A URL or a token cannot be used; the text never holds either."""


class APIError(TelemetryError):
    """The service answered something that is of no use; the base of what it can answer."""


class APIUnavailableError(APIError):
    """The service is down, out of reach or too busy: the same request may succeed later."""


class APIValidationError(APIError):
    """The service will never take this: a field is wrong, or there is no such run."""


class AmbiguousIdError(TelemetryError):
    """The beginning of an id was given, and several runs begin so."""

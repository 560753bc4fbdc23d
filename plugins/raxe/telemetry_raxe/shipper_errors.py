"""How shipping fails: what the documents name, and two kinds more beneath them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ShipperError(TelemetryError):
    """A batch was not shipped; the base of how that happens.

    :ivar code: the service's own code, else a word of ours.
    :ivar status: that of the answer, when there was one.
    """

    def __init__(self, message: str = "", *, code: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class CircuitOpenError(ShipperError):
    """Too many calls failed in a row; none is made for a while.

    :ivar retry_in: the seconds until one may be tried.
    """

    def __init__(self, message: str = "", *, retry_in: float = 0.0) -> None:
        super().__init__(message, code="circuit_open")
        self.retry_in = retry_in


class RateLimitError(ShipperError):
    """There were too many requests in this minute.

    :ivar retry_after: the seconds to wait, when that is known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        code: str = "RATE_001",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after = retry_after


class AuthenticationError(ShipperError):
    """The key is not accepted, has expired, or may not do without telemetry."""


class PrivacyViolationError(ShipperError):
    """Something that must not be sent stands in an event.

    :ivar field: where it stands, when that is known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        code: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.field = field


class DailyLimitExceededError(ShipperError):
    """The events of this day are used up; nothing is to be tried before `reset_at`.

    :ivar reset_at: that moment, in seconds since 1970 by the service's clock.
    """

    def __init__(
        self,
        message: str = "",
        *,
        reset_at: int | None = None,
        code: str = "DAILY_LIMIT_001",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.reset_at = reset_at


class InvalidBatchError(ShipperError):
    """The service will not have a batch as it is.

    :ivar field: what is wrong with it, when that is known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        code: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.field = field


class UnavailableError(ShipperError):
    """The service cannot be reached or is in trouble: the same may work later.

    :ivar retry_after: the seconds to wait, when the service says so.
    :ivar said: what its answer said, where it said something.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        said: Mapping[str, Any] | None = None,
        code: str = "network",
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after = retry_after
        self.said = dict(said or {})


class StrangeAnswerError(ShipperError):
    """Something answered that is no RAXE, such as the page of a network one has to log in to."""

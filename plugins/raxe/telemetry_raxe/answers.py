"""What an answer means: its status and body become a result, or the error that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_core import Batch
from telemetry_core.sending import receipt_for
from telemetry_raxe.said import Said
from telemetry_raxe.shipper_errors import (
    AuthenticationError,
    DailyLimitExceededError,
    InvalidBatchError,
    PrivacyViolationError,
    RateLimitError,
    ShipperError,
    StrangeAnswerError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core import Clock
    from telemetry_core.sending import Answer

_TAKEN = frozenset({200, 202, 207})
_SUCCESS = 2
_DAY = 86_400


@dataclass
class ShipResult:
    """What became of the events of a batch.

    :ivar errors: of each event that was rejected, its id, and why.
    :ivar server_time: what the clock of the service showed, when it says so.
    """

    success: bool
    accepted: int
    rejected: int
    duplicates: int
    errors: list[dict[str, Any]]
    server_time: str | None
    duration_ms: float


@define
class Reader:
    """Reads the answers to one key.

    :ivar key: what no text of ours may show.
    :ivar next_midnight: gives when the service's day ends, in seconds since 1970.
    """

    clock: Clock
    key: str = field(repr=False)
    next_midnight: Callable[[], int]

    def read(self, answer: Answer) -> ShipResult:
        """Return what an answer says of a batch; raises the `ShipperError` that it stands for.

        | code, else status | |
        |---|---|
        | 200, 202, 207 with the numbers of a result | the result |
        | any other 2xx | `StrangeAnswerError` |
        | AUTH_001, AUTH_002, AUTH_006; 401, 403 | `AuthenticationError` |
        | DAILY_LIMIT_001 | `DailyLimitExceededError` |
        | RATE_001; 429 | `RateLimitError` |
        | PRI_001, PRI_002; 422 | `PrivacyViolationError` |
        | what `telemetry_core.sending` waits after: 408, 5xx and their like | `UnavailableError` |
        | 400, 413 and any other 4xx that is about the batch | `InvalidBatchError` |
        | redirects, 404 and their like | `ShipperError` |
        """
        said = Said.of(answer, self.key)
        if said.status // 100 == _SUCCESS:
            return _result(said)
        refusal = _BY_CODE.get(said.code) or _BY_STATUS.get(said.status) or Reader.other
        raise refusal(self, said)

    def unauthenticated(self, said: Said) -> ShipperError:
        """Return the error of a key that is not accepted, with the page where one gets another."""
        words = said.words or "the key is not accepted"
        more = f"; see {said.page}" if said.page else "; see: telemetry auth status --remote"
        code = said.code or f"http_{said.status}"
        return AuthenticationError(words + more, code=code, status=said.status)

    def too_many(self, said: Said) -> ShipperError:
        """Return the error of too many requests in a minute."""
        return RateLimitError(
            said.words or "there were too many requests in this minute",
            retry_after=said.wait(self.clock),
            code=said.code or "RATE_001",
            status=said.status,
        )

    def used_up(self, said: Said) -> ShipperError:
        """Return the error of a day whose events are used up.

        The limit ends at midnight where the service does not say when, or no sensible moment.
        """
        midnight = self.next_midnight()
        near = [moment for moment in said.reset_at() if abs(moment - midnight) <= _DAY]
        return DailyLimitExceededError(
            said.words or "the events of today are used up",
            reset_at=near[0] if near else midnight,
            code=said.code,
            status=said.status,
        )

    def private(self, said: Said) -> ShipperError:
        """Return the error of an event with something in it that must not be sent."""
        return PrivacyViolationError(
            said.words or "an event holds what must not be sent",
            field=said.field,
            code=said.code or f"http_{said.status}",
            status=said.status,
        )

    def other(self, said: Said) -> ShipperError:
        """Return the error of an answer that means the same from every service."""
        receipt = receipt_for(said.status, said.headers, Batch(()), self.clock, said.words)
        code, reason = said.code or said.word or receipt.code, receipt.reason
        if receipt.refused_whole:
            return InvalidBatchError(reason, field=said.field, code=code, status=said.status)
        if receipt.pause_until is not None:
            return ShipperError(reason, code=code, status=said.status)
        return UnavailableError(
            f"the service is in trouble: {reason} (HTTP {said.status})",
            retry_after=said.wait(self.clock),
            said={**said.body, "code": code, "status": said.status} if said.body else None,
            code=code,
            status=said.status,
        )


_BY_CODE: dict[str, Callable[[Reader, Said], ShipperError]] = {
    "AUTH_001": Reader.unauthenticated,
    "AUTH_002": Reader.unauthenticated,
    "AUTH_006": Reader.unauthenticated,
    "RATE_001": Reader.too_many,
    "DAILY_LIMIT_001": Reader.used_up,
    "PRI_001": Reader.private,
    "PRI_002": Reader.private,
}
_BY_STATUS: dict[int, Callable[[Reader, Said], ShipperError]] = {
    401: Reader.unauthenticated,
    403: Reader.unauthenticated,
    422: Reader.private,
    429: Reader.too_many,
}


def _result(said: Said) -> ShipResult:
    counts = said.counts()
    if counts is None or said.status not in _TAKEN:
        raise StrangeAnswerError(
            f"the answer ({said.status}) does not say what became of the events, so it is not"
            " RAXE's; check the endpoint, and whether this network wants you to log in",
            code="answer",
            status=said.status,
        )
    accepted, rejected, duplicates = counts
    errors = said.rejections()
    return ShipResult(
        success=rejected == 0 and not errors,
        accepted=accepted,
        rejected=rejected,
        duplicates=duplicates,
        errors=errors,
        server_time=said.server_time(),
        duration_ms=0.0,
    )

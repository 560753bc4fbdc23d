"""What RAXE says instead of doing as asked, in its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.messages import Refusal, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {
    400: ("validation_error", "VAL_001"),
    401: ("invalid_api_key", "AUTH_001"),
    403: ("key_expired", "AUTH_002"),
    404: ("not_found", None),
    405: ("method_not_allowed", None),
    413: ("batch_too_large", None),
    422: ("privacy_violation", "PRI_001"),
    429: ("rate_limited", "RATE_001"),
}
_OTHER = ("server_error", None)


class Refused(Refusal):
    """Raised for every answer that is no success.

    :param code: what programs tell apart; for some words there is none that was published.
    :param more: what stands beside the usual members, such as `console_url`.
    """

    def __init__(
        self,
        status: int,
        why: str,
        error: str = "",
        code: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(status, why)
        word, usual = (error, code) if error else _WORDS.get(status, _OTHER)
        said = {"error": word, "message": why, "code": usual, "details": details, **(more or {})}
        told = {name: value for name, value in said.items() if value is not None}
        self.response = Response.json(told, status, **headers)


def unknown_key(why: str = "Invalid API key") -> Refused:
    """Return the refusal of a request whose key nobody knows, or that has none."""
    return Refused(401, why, www_authenticate="Bearer")


def invalid(field: str, why: str) -> Refused:
    """Return the refusal of a request with something in it that is not as it must be."""
    return Refused(400, f"{field} {why}", details={"field": field})


def private(code: str, field: str) -> Refused:
    """Return the refusal of events in which something must not be."""
    why = f"{field} has {'raw text' if code == 'PRI_002' else 'what tells of a person'}"
    return Refused(422, why, "privacy_violation", code, details={"field": field})


def too_large(error: str, size: int, most: int) -> Refused:
    """Return the refusal of what has more bytes, or more events, than are taken."""
    details = {"max_size": most, "actual_size": size}
    return Refused(413, f"{size} where at most {most} are taken", error, details=details)


def too_fast(seconds: int, limit: int, reset_at: int) -> Refused:
    """Return the refusal of a key that has asked too often in a minute."""
    return Refused(
        429,
        "Rate limit exceeded",
        details={"retry_after": seconds},
        more={"retry_after": seconds},
        retry_after=str(seconds),
        x_ratelimit_limit=str(limit),
        x_ratelimit_remaining="0",
        x_ratelimit_reset=str(reset_at),
    )

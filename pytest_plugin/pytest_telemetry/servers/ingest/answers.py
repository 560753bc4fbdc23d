"""What the server says instead of doing as asked, in either of two shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.messages import Refusal, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limit_exceeded",
    503: "service_unavailable",
}


class Refused(Refusal):
    """Raised for every answer that is no success.

    :param code: what programs tell apart; the usual one of the status without.
    :param more: what stands beside the code and the words, such as `errors`.
    """

    def __init__(
        self,
        status: int,
        why: str,
        code: str = "",
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, why)
        self._why = why
        self._status = status
        self._code = code or _CODES.get(status, "internal_error")
        self._more = dict(more or {})
        self._headers = dict(headers or {})
        if (seconds := self._headers.get("retry-after", "")).isdecimal():
            self._more["retry_after"] = int(seconds)

    def shaped(self, *, nested: bool) -> Response:
        """Return the answer: code and words side by side, or together in an object."""
        flat = {"error": self._code, "message": self._why}
        told = {"error": {"code": self._code, "message": self._why}} if nested else flat
        return Response.json({**told, **self._more}, self._status, **self._headers)

"""The gate that a route asks before it does anything: is the caller known, and not too frequent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_run_service.answers.answer import problem
from telemetry_run_service.security.rates import RateLimit
from telemetry_run_service.security.tokens import Tokens

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response

    from telemetry_run_service.settings.settings import ServiceSettings

_UNAUTHORIZED = 401
_TOO_MANY = 429


class Gate:
    """Says no with a ready answer, or nothing. For the event loop's thread only."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._tokens = Tokens(settings.auth_tokens) if settings.auth_enabled else None
        self._auth_reads = settings.auth_reads
        self._rpm = settings.rate_limit_rpm
        self._rate = (
            RateLimit(settings.rate_limit_rpm, settings.clock)
            if settings.rate_limit_enabled
            else None
        )

    def check(
        self, request: Request, *, read: bool = False, limited: bool = True
    ) -> Response | None:
        """Return 401 or 429, in this order, or nothing when the request may go on.

        :param read: the route is one of those that are open as long as `auth_reads` is off.
        :param limited: the request counts in its client's minute.
        """
        if self._tokens is not None and (self._auth_reads or not read):
            complaint = self._tokens.complaint(_authorization(request))
            if complaint is not None:
                return problem(_UNAUTHORIZED, complaint, [(b"www-authenticate", b"Bearer")])
        if limited and self._rate is not None:
            client = request.client
            if not self._rate.allows(client.host if client else ""):
                return self._too_many()
        return None

    def trusts(self, request: Request) -> bool:
        """Tell whether the caller may see paths: it has a token, or none is asked for."""
        return self._tokens is None or self._tokens.complaint(_authorization(request)) is None

    def _too_many(self) -> Response:
        headers = [
            (b"retry-after", b"60"),
            (b"x-ratelimit-limit", b"%d" % self._rpm),
            (b"x-ratelimit-remaining", b"0"),
        ]
        detail = f"Rate limit exceeded. Max {self._rpm} requests per minute."
        return problem(_TOO_MANY, detail, headers)


def _authorization(request: Request) -> bytes | None:
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return None

"""Who is let in: the checks of headers, signature, time and nonce, in the order of the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from pytest_telemetry.servers.ingest.answers import Refused
from pytest_telemetry.servers.ingest.signature import is_nonce, seconds_in
from pytest_telemetry.servers.ingest.usage import TOLERANCE

if TYPE_CHECKING:
    from pytest_telemetry.servers.ingest.credentials import Credentials
    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.times import ServiceTime

_BEARER = "Bearer "


@define(eq=False)
class Admission:
    """Knows all credentials.

    :ivar require_bearer: a token is wanted; without, a request may have none.
    """

    time: ServiceTime
    known: list[Credentials] = field(factory=list)
    require_bearer: bool = False

    def credentials_of(
        self, request: Request, owner: tuple[str, str], most_bytes: int
    ) -> Credentials:
        """Return by which credentials a request is signed, and spend its nonce.

        :param owner: organization and application of the path, among whose credentials those
            are of who has no token.
        """
        signature, timestamp, nonce = (
            _header(request, name) for name in ("X-Signature", "X-Timestamp", "X-Nonce")
        )
        _check_body(request, most_bytes)
        token = self._token(request)
        candidates = [
            one
            for one in self.known
            if one.is_active and (one.token == token if token else one.owner == owner)
        ]
        for credentials in candidates:
            if credentials.signed(signature, timestamp, nonce, request.body):
                self._check_time(timestamp, nonce)
                credentials.usage.spend(nonce)
                return credentials
        raise Refused(401, "Invalid HMAC signature")  # whether there is such a token or not

    def _token(self, request: Request) -> str:
        """Return the token of a request; an empty text when it has and needs none."""
        given = request.headers.get("authorization")
        if given is None and not self.require_bearer:
            return ""
        if given is None or not given.startswith(_BEARER) or not given.removeprefix(_BEARER):
            raise Refused(401, "Missing or invalid Authorization header")
        return given.removeprefix(_BEARER)

    def _check_time(self, timestamp: str, nonce: str) -> None:
        seconds = seconds_in(timestamp)
        if seconds is None:
            raise Refused(400, "Invalid timestamp format")
        if not is_nonce(nonce):  # where it ends and the body begins is not signed
            raise Refused(400, "Invalid nonce format")
        if abs(int(self.time.seconds()) - seconds) > TOLERANCE:
            raise Refused(403, "Timestamp outside acceptable window")


def _header(request: Request, name: str) -> str:
    given = request.headers.get(name.lower())
    if given is None or not (given.isascii() and given.isprintable()):
        raise Refused(401, f"Missing {name} header")
    return given


def _check_body(request: Request, most: int) -> None:
    if len(request.body) > most:
        raise Refused(413, f"Body exceeds maximum of {most} bytes")
    if "content-encoding" in request.headers:
        return  # nobody unpacks what is not signed
    try:
        request.body.decode()
    except UnicodeDecodeError:
        raise Refused(400, "Invalid UTF-8 in body") from None

"""Who may send: an application's token and secret, and what its tier allows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from attrs import define, field

from pytest_telemetry.servers.ingest.signature import is_same, signature_of
from pytest_telemetry.servers.ingest.usage import Usage

if TYPE_CHECKING:
    from pytest_telemetry.servers.times import ServiceTime


class Tier(NamedTuple):
    """What all tokens of a tier are allowed; None is no limit."""

    requests_per_minute: int | None
    events_per_month: int | None


TIERS = {
    "free": Tier(10, 10_000),
    "pro": Tier(100, 100_000),
    "business": Tier(1_000, 1_000_000),
    "enterprise": Tier(None, None),
}
# Those of the document, which every server of that kind begins with.
_ORG = "550e8400-e29b-41d4-a716-446655440000"
_APP = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_TOKEN = "tk_550e8400e29b41d4a716446655440000_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"  # noqa: S105 - printed there
_SECRET = "9f4b3c2a1e8d7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0"  # noqa: S105 - so is it


@define(eq=False)
class Credentials:
    """What a client is configured with, and what it may do by the clock of the service.

    :ivar requests_per_minute: in any sixty seconds; None for any number.
    :ivar events_per_month: None for any number.
    :ivar is_active: the token is taken; False once it is revoked.
    :ivar legacy: a signature over timestamp and body alone is taken, too.
    :ivar usage: what was used of the limits.
    """

    org: str
    app: str
    token: str
    secret: str = field(repr=False)
    tier: str
    _time: ServiceTime = field(repr=False)
    is_active: bool = True
    legacy: bool = False
    requests_per_minute: int | None = field(init=False)
    events_per_month: int | None = field(init=False)
    usage: Usage = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.requests_per_minute, self.events_per_month = TIERS[self.tier]
        self.usage = Usage(self._time)

    @property
    def owner(self) -> tuple[str, str]:
        """Return the organization and the application, however they are written."""
        return plain_id(self.org), plain_id(self.app)

    @property
    def told(self) -> dict[str, str]:
        """Return what a client is configured with."""
        names = ("org", "app", "token", "secret", "tier")
        return {name: getattr(self, name) for name in names}

    def signed(self, given: str, timestamp: str, nonce: str, body: bytes) -> bool:
        """Tell whether a signature is that of who has the secret."""
        if is_same(given, signature_of(self.secret, body, timestamp, nonce)):
            return True
        return self.legacy and is_same(given, signature_of(self.secret, body, timestamp))


def development(time: ServiceTime) -> Credentials:
    """Return the credentials of the document."""
    return Credentials(_ORG, _APP, _TOKEN, _SECRET, "pro", time)


def made(number: int, org: str, app: str, tier: str, time: ServiceTime) -> Credentials:
    """Return new credentials, the same for the same number and application."""
    digits = hashlib.sha256(f"{number}:{org}:{app}".encode()).hexdigest()
    secret = hashlib.sha256(digits.encode()).hexdigest()
    return Credentials(org, app, f"tk_{digits[:32]}_{digits[32:]}", secret, tier, time)


def plain_id(id: str) -> str:
    """Return the one way to write an id, of the several that a UUID has."""
    try:
        return str(UUID(id))
    except ValueError:
        return id

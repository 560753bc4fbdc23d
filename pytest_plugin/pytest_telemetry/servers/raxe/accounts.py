"""Who has a key: what the key is allowed, and what it has used of that."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from pytest_telemetry.servers.raxe.answers import Refused, too_fast, unknown_key
from pytest_telemetry.servers.times import DAY, MINUTE, ServiceTime

if TYPE_CHECKING:
    from pytest_telemetry.servers.messages import Request

_TRIAL_DAYS = 14
_KEY = re.compile(r"raxe_(?P<type>live|test|temp|nfr)_[a-zA-Z0-9_\-]{32}")


class Tier(NamedTuple):
    """What all keys of a tier are allowed."""

    requests_per_minute: int
    events_per_day: int
    can_disable_telemetry: bool = False
    offline_mode: bool = False


TIERS = {
    "temporary": Tier(50, 50_000),
    "community": Tier(100, 100_000),
    "pro": Tier(500, 1_000_000, can_disable_telemetry=True),
    # No answer can say "unlimited": a client formats this number.
    "enterprise": Tier(2_000, 1_000_000_000, can_disable_telemetry=True, offline_mode=True),
}


@define(eq=False)
class Account:
    """One key, its limits, and what it has used of them by the clock of the service.

    :ivar type: `live`, `test`, `temp` or `nfr`.
    :ivar situation: for what it was made, such as `flaky`; empty for keys of clients.
    :ivar created_at: in seconds since 1970.
    :ivar expires_at: likewise; None for ever.
    """

    key: str
    type: str
    tier: str
    time: ServiceTime = field(repr=False)
    situation: str = ""
    created_at: float = field(init=False)
    expires_at: float | None = field(init=False)
    requests_per_minute: int = field(init=False)
    events_per_day: int = field(init=False)
    can_disable_telemetry: bool = field(init=False)
    offline_mode: bool = field(init=False)
    _sent: tuple[int, int] = field(default=(0, 0), init=False, repr=False)
    _asked: tuple[int, int] = field(default=(0, 0), init=False, repr=False)
    _stumbled: set[str] = field(factory=set, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        limits = TIERS[self.tier]
        self.requests_per_minute = limits.requests_per_minute
        self.events_per_day = limits.events_per_day
        self.can_disable_telemetry = limits.can_disable_telemetry
        self.offline_mode = limits.offline_mode
        self.created_at = self.time.seconds()
        is_trial = self.type == "temp"
        self.expires_at = self.created_at + _TRIAL_DAYS * DAY if is_trial else None

    @property
    def key_id(self) -> str:
        """Return the id that a client computes of its key, too."""
        return key_id_of(self.key)

    @property
    def events_today(self) -> int:
        """Return how many events were taken since midnight, UTC."""
        until, sent = self._sent
        return sent if until == self.time.next(DAY) else 0

    @events_today.setter
    def events_today(self, sent: int) -> None:
        self._sent = (self.time.next(DAY), sent)

    @property
    def days_left(self) -> int | None:
        """Return how many days the key is good for, the last one counting whole."""
        if self.expires_at is None:
            return None
        return max(math.ceil((self.expires_at - self.time.seconds()) / DAY), 0)

    def admit(self, path: str, console: str) -> None:
        """Refuse a key that is over, asks too often, or was made to be refused."""
        if self.days_left == 0:
            page = {"console_url": f"{console}/keys"}
            raise Refused(403, "API key has expired", "key_expired", "AUTH_002", more=page)
        self._count()
        if self.situation == "err":
            raise Refused(503, "Service temporarily unavailable")
        if self.situation == "flaky" and path not in self._stumbled:
            self._stumbled.add(path)
            raise too_fast(1, self.requests_per_minute, math.ceil(self.time.seconds()) + 1)

    def _count(self) -> None:
        """Count a request; raises the refusal of one too many in this minute."""
        reset_at = self.time.next(MINUTE)
        asked = self._asked[1] if self._asked[0] == reset_at else 0
        if asked >= self.requests_per_minute:
            left = math.ceil(reset_at - self.time.seconds())
            raise too_fast(left, self.requests_per_minute, reset_at)
        self._asked = (reset_at, asked + 1)

    def admit_events(self, console: str) -> None:
        """Refuse the events of who must not send any, or none today any more."""
        if self.situation == "telreq":
            raise Refused(
                403,
                "Telemetry is required for this tier",
                "telemetry_required",
                "AUTH_006",
                more={"upgrade_url": f"{console}/upgrade"},
            )
        if self.events_today >= self.events_per_day:
            details = {
                "daily_limit": self.events_per_day,
                "events_today": self.events_today,
                "reset_at": self.time.next(DAY),
            }
            words = ("daily_limit_exceeded", "DAILY_LIMIT_001")
            raise Refused(403, "Daily event limit exceeded", *words, details=details)


class Accounts(dict[str, Account]):
    """All accounts by their keys; a key that a client minted while offline is one from then on."""

    def __init__(self, time: ServiceTime) -> None:
        super().__init__()
        self._time = time

    def add(self, key: str, tier: str, situation: str = "") -> Account:
        """Make an account; its key says of which type it is."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise ValueError(f"{key!r} has not the form of a key")
        account = self[key] = Account(key, found["type"], tier, self._time, situation)
        return account

    def of(self, request: Request) -> Account:
        """Return the account of who asks; raises the refusal of a key that nobody knows."""
        key = bearer(request)
        if key in self:
            return self[key]
        found = _KEY.fullmatch(key)
        if found is None or found["type"] != "temp":
            raise unknown_key()
        return self.add(key, "temporary")


def key_id_of(key: str) -> str:
    """Return the id by which a key is spoken of."""
    return f"key_{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def bearer(request: Request) -> str:
    """Return the key that a request has; an empty text when it has none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""

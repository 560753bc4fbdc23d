"""The keys that are there from the beginning, one for each situation that a client can be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_telemetry.servers.faults import Fault
from pytest_telemetry.servers.raxe.accounts import Accounts, bearer
from pytest_telemetry.servers.times import DAY

if TYPE_CHECKING:
    from pytest_telemetry.servers.exchange import Exchange
    from pytest_telemetry.servers.faults import GoOn
    from pytest_telemetry.servers.messages import Response

_TIERS = {"pro": "pro", "ent": "enterprise", "expired": "temporary"}
_SITUATIONS = (
    *("ok", "ok2", "pro", "ent", "unknown", "expired"),
    *("telreq", "daily", "rate", "flaky", "err", "slow"),
)
_LENGTH = 32
_LONG_AGO = 20 * DAY


def keys() -> dict[str, str]:
    """Return a key for each situation."""
    kinds = {"expired": "temp"}
    return {
        name: f"raxe_{kinds.get(name, 'live')}_{name.ljust(_LENGTH, '0')}" for name in _SITUATIONS
    }


def seed(accounts: Accounts, keys: dict[str, str]) -> None:
    """Make the accounts of all keys but the one that nobody knows."""
    for name, key in keys.items():
        if name != "unknown":
            accounts.add(key, _TIERS.get(name, "community"), name)
    expired = accounts[keys["expired"]]
    expired.created_at -= _LONG_AGO
    expired.expires_at = (expired.expires_at or 0) - _LONG_AGO
    daily = accounts[keys["daily"]]
    daily.events_today = daily.events_per_day
    accounts[keys["rate"]].requests_per_minute = 0


class Late(Fault):
    """Does what a key asks for, in real time, so much later that its client has given up.

    :ivar seconds: how much later.
    """

    def __init__(self, key: str, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self._key = key

    def concerns(self, exchange: Exchange) -> bool:
        """Tell whether the key asks."""
        return bearer(exchange.request) == self._key

    def act(self, exchange: Exchange, go_on: GoOn) -> Response:
        """Wait, and go on."""
        exchange.wait(self, self.seconds)
        return go_on()

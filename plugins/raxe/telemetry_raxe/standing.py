"""How a key stands: what the service said of it, for how long that is believed, what it allows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry_core import get_logger, iso8601, parse_iso8601
from telemetry_raxe import health_client
from telemetry_raxe.errors import CredentialError
from telemetry_raxe.shipper_errors import AuthenticationError, ShipperError, UnavailableError

if TYPE_CHECKING:
    from telemetry_core import Clock
    from telemetry_raxe.credential_store import CredentialStore
    from telemetry_raxe.credentials import Credentials
    from telemetry_raxe.health_client import HealthResponse
    from telemetry_raxe.limits import Limits

_log = get_logger("telemetry_core.raxe")

_BELIEVED = 86_400.0
_ASK_AGAIN = 300.0  # seconds after asking in vain
NS = 1_000_000_000


@dataclass(frozen=True)
class HealthCheckResult:
    """What the service said of a key, and when.

    :ivar features: what the key may do, `can_disable_telemetry` and `offline_mode`.
    :ivar clock_drift_seconds: how far the service's clock is ahead of ours, when it can be told.
    :ivar checked_at: when it was asked, by our clock.
    """

    key_type: str
    tier: str
    features: dict[str, bool]
    rate_limit_rpm: int
    rate_limit_daily: int
    events_today: int
    events_remaining: int
    server_time: str
    clock_drift_seconds: float | None
    checked_at: str


class Standing:
    """Asks the service for the standing of one key, and remembers the answer for a day.

    What is unknown or too old is not allowed. For any thread.

    :param url: what is asked.
    :param limits: what is told how much the key may send.
    :param store: where the permissions are kept for other programs, if anywhere.
    """

    def __init__(
        self,
        credentials: Credentials | None,
        url: str,
        clock: Clock,
        limits: Limits,
        store: CredentialStore | None = None,
    ) -> None:
        self._credentials = credentials
        self._url = url
        self._clock = clock
        self._limits = limits
        self._store = store
        self._lock = threading.Lock()
        self._result: HealthCheckResult | None = None
        self._asked_at: float | None = None
        self._refused = False

    def check(self, timeout: float, *, force: bool = False) -> HealthCheckResult:
        """Return the standing, asked for now unless it is known; raises `ShipperError`."""
        with self._lock:
            known = self._believed()
            if known is not None and not force:
                return known
            self._asked_at = self._clock.monotonic()
            try:
                self._result = self._asked(timeout)
            except AuthenticationError:
                self._result, self._refused = None, True
                raise
            self._refused = False
            return self._result

    def ask_first(self, timeout: float) -> None:
        """Ask unless it is known or was asked in vain just now; that nobody answers is no error."""
        asked_at = self._asked_at
        wait = _BELIEVED if self._result is not None else _ASK_AGAIN
        if asked_at is not None and self._clock.monotonic() - asked_at < wait:
            return
        try:
            self.check(timeout)
        except ShipperError as error:
            _log.debug("the standing of the key is not known: %s", error)

    def may_disable_telemetry(self) -> bool:
        """Tell whether the key is known to allow it."""
        known = self._believed()
        if known is not None:
            return known.features["can_disable_telemetry"]
        kept = self._credentials
        if self._refused or kept is None:
            return False
        fresh = not kept.is_health_check_stale(clock=self._clock)
        return fresh and kept.can_disable_telemetry

    def _believed(self) -> HealthCheckResult | None:
        asked_at = self._asked_at
        if asked_at is None or self._clock.monotonic() - asked_at > _BELIEVED:
            return None
        return self._result

    def _asked(self, timeout: float) -> HealthCheckResult:
        if self._credentials is None:
            raise AuthenticationError("there is no key to ask about", code="no_key")
        sent, since = self._clock.time_ns(), self._clock.monotonic()
        said = self._answer(self._credentials.api_key, timeout)
        midpoint = sent + round((self._clock.monotonic() - since) / 2 * NS)
        drift = _drift(said.server_time, midpoint)
        self._limits.told(
            said.tier, said.rate_limit_rpm, said.rate_limit_daily, said.events_today, drift
        )
        self._remember(self._credentials, said)
        return HealthCheckResult(
            key_type=said.key_type,
            tier=said.tier,
            features={
                "can_disable_telemetry": said.can_disable_telemetry,
                "offline_mode": said.offline_mode,
            },
            rate_limit_rpm=said.rate_limit_rpm,
            rate_limit_daily=said.rate_limit_daily,
            events_today=said.events_today,
            events_remaining=said.events_remaining,
            server_time=said.server_time,
            clock_drift_seconds=drift,
            checked_at=iso8601(sent),
        )

    def _answer(self, key: str, timeout: float) -> HealthResponse:
        try:
            return health_client.check_health(
                key, endpoint=self._url, timeout=timeout, clock=self._clock
            )
        except health_client.AuthenticationError as error:
            raise AuthenticationError(str(error), code="AUTH_001") from None
        except (
            health_client.NetworkError,
            health_client.ServerError,
            health_client.TimeoutError,
        ) as error:
            raise UnavailableError(str(error)) from None
        except health_client.HealthCheckError as error:
            raise ShipperError(str(error), code="answer") from None

    def _remember(self, credentials: Credentials, said: HealthResponse) -> None:
        """Keep the permissions, in the file only where the file is about the same key."""
        told = {
            "can_disable_telemetry": said.can_disable_telemetry,
            "offline_mode": said.offline_mode,
            "tier": said.tier,
            "server_time": said.server_time,
        }
        credentials.can_disable_telemetry = said.can_disable_telemetry
        credentials.offline_mode = said.offline_mode
        credentials.tier = said.tier
        credentials.last_health_check = said.server_time or iso8601(self._clock.time_ns())
        if self._store is None:
            return
        try:
            kept = self._store.load()
            if kept is not None and kept.api_key == credentials.api_key:
                self._store.update_from_health(told, api_key=credentials.api_key)
        except CredentialError as error:
            _log.warning("what the key may do is not kept: %s", error)


def _drift(server_time: str, midpoint_ns: int) -> float | None:
    try:
        return (parse_iso8601(server_time) - midpoint_ns) / NS
    except (ValueError, OverflowError):
        return None

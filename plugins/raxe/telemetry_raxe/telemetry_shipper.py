"""Ships batches of events by hand: one call, one deadline, and a result or an error that says why not."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from telemetry_core import Circuit, Environment, RetryPolicy, SystemClock, get_logger, iso8601
from telemetry_raxe.answers import Reader, ShipResult
from telemetry_raxe.endpoints import endpoints
from telemetry_raxe.envelope import body_of, new_batch_id
from telemetry_raxe.errors import InvalidKeyFormatError
from telemetry_raxe.events import ready
from telemetry_raxe.keys import validate_key_format
from telemetry_raxe.limits import Limits
from telemetry_raxe.posting import Postbox
from telemetry_raxe.shipper_config import TelemetryShipperConfig
from telemetry_raxe.shipper_errors import (
    AuthenticationError,
    CircuitOpenError,
    DailyLimitExceededError,
    PrivacyViolationError,
    RateLimitError,
    ShipperError,
    UnavailableError,
)
from telemetry_raxe.standing import HealthCheckResult, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from telemetry_core import Clock
    from telemetry_raxe.credential_store import CredentialStore
    from telemetry_raxe.credentials import Credentials
    from telemetry_raxe.dual_queue import DualQueue
    from telemetry_raxe.envelope import Body
    from telemetry_raxe.events import Ready

__all__ = [
    "AuthenticationError",
    "CircuitOpenError",
    "DailyLimitExceededError",
    "HealthCheckResult",
    "PrivacyViolationError",
    "RateLimitError",
    "ShipResult",
    "ShipperError",
    "TelemetryShipper",
    "TelemetryShipperConfig",
]

_log = get_logger("telemetry_core.raxe")

MOST_EVENTS = 100
CALL_TIMEOUT = 60.0  # for all attempts of one call together
LONGEST_DELAY = 512.0
_HEALTH_TIMEOUT = 10.0
_SHORT_WAIT = 5.0  # a 429 that asks for no more is waited out, once a call


class TelemetryShipper:
    """Ships batches of events with one key. For any thread.

    :param queue: its figures go along with each batch, and `ship_queued` ships what is in it.
    :param store: where the permissions of the key are kept for other programs.
    """

    def __init__(
        self,
        config: TelemetryShipperConfig | None = None,
        credentials: Credentials | None = None,
        queue: DualQueue | None = None,
        *,
        store: CredentialStore | None = None,
        clock: Clock | None = None,
        environ: Environment | None = None,
    ) -> None:
        self.config = config or TelemetryShipperConfig()
        variables = Environment() if environ is None else environ
        url, health_url = endpoints(self.config.endpoint, self.config.health_endpoint, variables)
        self._dry_run = self.config.dry_run or variables.says_yes("RAXE_TELEMETRY_DRY_RUN")
        self._credentials = credentials
        self._queue = queue
        self._health_timeout = min(_HEALTH_TIMEOUT, self.config.timeout_seconds)
        self._clock: Clock = clock or SystemClock()
        key = credentials.api_key if credentials else ""
        self.limits = Limits(self._clock, credentials.tier if credentials else "")
        self._standing = Standing(credentials, health_url, self._clock, self.limits, store)
        self._reader = Reader(self._clock, key, self.limits.next_midnight)
        self._postbox = Postbox(url, key, self._clock)
        self._retry = RetryPolicy(base=self.config.retry_base_delay, cap=LONGEST_DELAY)
        self._circuit = Circuit(
            self._clock,
            failure_threshold=self.config.circuit_failure_threshold,
            recovery_timeout=self.config.circuit_recovery_timeout,
            half_open_max_calls=self.config.circuit_half_open_max_calls,
            max_recovery=self.config.circuit_recovery_timeout,
        )
        self._counting = threading.Lock()
        self._figures = {"batches_sent": 0, "events_sent": 0, "unpacked": 0, "packed": 0}

    # -- shipping

    def ship_batch(self, events: Sequence[Mapping[str, Any]]) -> ShipResult:
        """Ship up to 100 events, with further attempts where they may help, within 60 seconds.

        The first batch asks for the standing of the key. What lacks in an event is filled in; give
        each an `event_id`, by which the service knows those that come twice.

        Raises `AuthenticationError`, `PrivacyViolationError`, `RateLimitError`,
        `DailyLimitExceededError`, `CircuitOpenError`, and `ShipperError`, the base of them, when
        nobody answers in time or when the batch cannot be sent.
        """
        try:
            return self.ship(ready(events, self._clock.time_ns()))
        except UnavailableError as error:
            if not error.said:
                raise
            return ShipResult(False, 0, 0, 0, [error.said], None, 0.0)

    def ship(self, events: Sequence[Ready], *, deadline: float | None = None) -> ShipResult:
        """Ship events that are ready, before a moment of the clock; raises `ShipperError`."""
        most = min(self.config.max_batch_size, MOST_EVENTS)
        if len(events) > most:
            raise ShipperError(
                f"a batch has up to {most} events; ship these {len(events)} in several",
                code="batch_too_large",
            )
        since = self._clock.monotonic()
        until = min(since + CALL_TIMEOUT, since + CALL_TIMEOUT if deadline is None else deadline)
        if not events or self._dry_run:
            return self._dry(events)
        self._refuse_what_is_no_key()
        if self._circuit.state == "open":
            raise self._closed_door()
        self._standing.ask_first(min(self._health_timeout, (until - since) / 2))
        self.limits.admit()
        with self._through_circuit():
            result = self._attempts(events, until)
        self.limits.accepted(result.accepted)
        return replace(result, duration_ms=(self._clock.monotonic() - since) * 1000)

    def ship_queued(self) -> list[ShipResult]:
        """Ship what is in the queue, critical events first; what is not shipped stays in it.

        Raises like `ship_batch`.
        """
        results: list[ShipResult] = []
        queue = self._queue
        while queue is not None and (events := queue.peek(MOST_EVENTS)):
            result = self.ship_batch(events)
            if not result.accepted + result.duplicates + result.rejected:
                break
            queue.remove(event["event_id"] for event in events)
            results.append(result)
        return results

    def close(self) -> None:
        """Close the connections; the next batch opens others."""
        self._postbox.close()

    # -- the key

    def check_health(self, force: bool = False) -> HealthCheckResult:
        """Return how the key stands, as said within the last 24 hours or, by `force`, now.

        Raises `AuthenticationError`, and `ShipperError` when nobody answers or something strange.
        """
        return self._standing.check(self._health_timeout, force=force)

    def refresh_permissions(self, force: bool = False) -> bool:
        """Ask what the key may do; false when that could not be told."""
        try:
            self.check_health(force)
        except ShipperError as error:
            _log.warning("what the key may do is not known: %s", error)
            return False
        return True

    def can_disable_telemetry(self) -> bool:
        """Tell whether the key may; not, as long as that is unknown or more than 24 hours old."""
        return self._standing.may_disable_telemetry()

    # -- how it goes

    def get_circuit_state(self) -> str:
        """Return closed, open or half_open."""
        return self._circuit.state

    def reset_circuit(self) -> None:
        """Close the circuit, as if nothing had failed."""
        self._circuit.reset()

    def get_stats(self) -> dict[str, Any]:
        """Return what was sent; the ratio says how many bytes became one by packing."""
        with self._counting:
            figures = dict(self._figures)
        unpacked, packed = figures.pop("unpacked"), figures.pop("packed")
        ratio = unpacked / packed if packed else 1.0
        return {**figures, "compression_ratio": ratio, "circuit_state": self.get_circuit_state()}

    # -- inside a call

    def _dry(self, events: Sequence[Ready]) -> ShipResult:
        for event in events:
            _log.info("dry run, not sent: %s", event.content.decode())
        return ShipResult(True, len(events), 0, 0, [], None, 0.0)

    def _refuse_what_is_no_key(self) -> None:
        if self._credentials is not None:
            try:
                validate_key_format(self._credentials.api_key)
            except InvalidKeyFormatError as error:
                raise AuthenticationError(str(error), code="no_key") from None

    @contextmanager
    def _through_circuit(self) -> Iterator[None]:
        """Make a call unless too many failed, and count what is the fault of the other end."""
        if not self._circuit.allow():
            raise self._closed_door()
        try:
            yield
        except ShipperError as error:
            if isinstance(error, (RateLimitError, UnavailableError)):
                self._circuit.failed()
            else:
                self._circuit.succeeded()
            raise
        self._circuit.succeeded()

    def _closed_door(self) -> CircuitOpenError:
        wait = self._circuit.retry_in()
        return CircuitOpenError(
            f"too many calls failed; the next one is made in {wait:.0f} s", retry_in=wait
        )

    def _attempts(self, events: Sequence[Ready], until: float) -> ShipResult:
        batch_id = new_batch_id()
        for attempt in range(1, self.config.max_retries + 2):
            try:
                return self._attempt(events, batch_id, until)
            except (UnavailableError, RateLimitError) as error:
                if attempt > self.config.max_retries or not _may_pass(error, attempt):
                    raise
                asked = error.retry_after
                wait = self._retry.delay(attempt) if asked is None else asked
                if self._clock.monotonic() + wait >= until:
                    raise _out_of_time(error, attempt) from error
            self._clock.sleep(wait)
            self.limits.admit()
        raise AssertionError("a range of attempts has a last one")

    def _attempt(self, events: Sequence[Ready], batch_id: str, until: float) -> ShipResult:
        body = self._body(events, batch_id)
        deadline = min(until, self._clock.monotonic() + self.config.timeout_seconds)
        try:
            result = self._reader.read(self._postbox.post(body, deadline=deadline))
        except DailyLimitExceededError as error:
            if error.reset_at is not None:
                self.limits.close_until(error.reset_at)
            raise
        with self._counting:
            self._figures["batches_sent"] += 1
            self._figures["events_sent"] += len(events)
            self._figures["unpacked"] += body.unpacked
            self._figures["packed"] += len(body.content)
        return result

    def _body(self, events: Sequence[Ready], batch_id: str) -> Body:
        return body_of(
            events,
            batch_id=batch_id,
            sent_at=iso8601(self._clock.time_ns()),
            credentials=self._credentials,
            packed=self.config.compression,
            queue_stats=None if self._queue is None else self._queue.figures(),
        )


def _may_pass(error: UnavailableError | RateLimitError, attempt: int) -> bool:
    """Tell whether a further attempt of the same call may help."""
    if isinstance(error, UnavailableError):
        return True
    asked = error.retry_after
    return error.status is not None and attempt == 1 and (asked is None or asked <= _SHORT_WAIT)


def _out_of_time(error: UnavailableError | RateLimitError, attempts: int) -> ShipperError:
    if isinstance(error, RateLimitError):
        return error
    return UnavailableError(
        f"the time of the call is over after {attempts} attempts; the last one: {error}",
        retry_after=error.retry_after,
        code="deadline",
        status=error.status,
    )

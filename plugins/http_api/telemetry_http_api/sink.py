"""The sink: hands each batch to a run service, in the words that this service understands."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field
from attrs.converters import optional

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    Health,
    Receipt,
    RunRecord,
    Secret,
    SystemClock,
    TelemetryError,
    get_logger,
    hookimpl,
)
from telemetry_http_api.address import bearer, service_root

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from telemetry_http_api.calling import Channel
    from telemetry_http_api.queries import RunsOverHttp
    from telemetry_http_api.reference import RunsOnly

_log = get_logger("telemetry_core.http_api")

_ASK_AGAIN = 600.0  # seconds after which a service may have been replaced by ours
_HEALTH_WITHIN = 5.0


@define(eq=False)
class HttpApiSink:
    """Sends runs and events to a run service over HTTP.

    To our own service a batch is one request. One that knows runs only, as the reference service
    does, gets a row for each run and what changes of it later; events have no place there.

    :param url: where the service is; a route of it at the end is left out.
    :param token: what it wants as a bearer token, if it wants one.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = 500
    remote: ClassVar[bool] = True

    url: str | None = field(
        default=None,
        converter=optional(service_root),
        metadata={"env": ("TELEMETRY_API_URL", "METRICS_API_URL")},
    )
    token: Secret | None = field(
        default=None,
        converter=optional(bearer),
        metadata={"env": ("TELEMETRY_API_AUTH_TOKEN",)},
    )
    trust_store: Path | None = field(default=None, converter=optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)

    _root: str = field(init=False, repr=False)
    _channel: Channel | None = field(init=False, repr=False, default=None)
    _runs_only: RunsOnly | None = field(init=False, repr=False, default=None)
    _ask_again_at: float = field(init=False, repr=False, default=-inf)
    _figures: dict[str, int] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to be without a service."""
        if self.url is None:
            raise ConfigError(
                "http_api does not know where the service is: set url in [plugins.http_api] or"
                " TELEMETRY_API_URL"
            )
        self._root = self.url
        self._figures = {"batches": 0, "delivered": 0, "rejected": 0}

    def destination(self) -> str:
        """Return the root of the service."""
        return self._root

    def runs_store(self) -> RunsOverHttp:
        """Return what asks the service for runs; for any thread."""
        from telemetry_http_api.queries import RunsOverHttp

        return RunsOverHttp(self._new_channel())

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch and say what became of each record; what the service left open waits."""
        if not batch.records:
            return Receipt()
        from httpx import TransportError

        from telemetry_core.sending import receipt_for_error

        try:
            receipt = self._ship(batch, self.channel())
        except TransportError as error:
            return receipt_for_error(error)
        self._figures["batches"] += 1
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        return receipt

    def _ship(self, batch: Batch, channel: Channel) -> Receipt:
        from telemetry_http_api.conversation import refusal_to_list_runs
        from telemetry_http_api.records import ship_records
        from telemetry_http_api.reference import RunsOnly

        now = self.clock.monotonic()
        if now >= self._ask_again_at or _has_place_for_events(channel, batch):
            receipt = ship_records(channel, batch)
            if receipt is None:
                receipt = refusal_to_list_runs(channel, batch)
            if receipt is not None:
                self._runs_only, self._ask_again_at = None, -inf
                return receipt
            self._ask_again_at = now + _ASK_AGAIN
        if self._runs_only is None:
            _log.warning(
                "%s stores runs but no events: events become dead letters; leave them out with"
                ' except = ["*"] in the table of this sink',
                self._root,
            )
            self._runs_only = RunsOnly(channel)
        return self._runs_only.ship(batch)

    @hookimpl
    def check_health(self) -> Health:
        """Ask the service how it is."""
        from httpx import TransportError

        details: dict[str, Any] = {"url": self._root}
        try:
            deadline = self.clock.monotonic() + _HEALTH_WITHIN
            answer = self.channel().call("GET", "/health", deadline=deadline)
            said = json.loads(answer.body)
            details["service"] = answer.headers.get("x-telemetry-service", "one for runs only")
            details["version"] = said.get("version", "")
            well = answer.status == 200 and said.get("status") == "ok"  # noqa: PLR2004
            hidden = well and said.get("db_path", "") is None
        except TransportError as error:
            message = f"it does not answer ({type(error).__name__}: {error}); is it running?"
            return Health(ok=False, message=message, details=details)
        except (TelemetryError, ValueError, AttributeError) as error:
            message = str(error) if isinstance(error, TelemetryError) else "no run service answers"
            return Health(ok=False, message=f"{message}; check the URL", details=details)
        if hidden:  # what a service tells only those whose token it accepts
            return Health(ok=False, message=self._unknown_there(), details=details)
        message = "" if well else f"it answers {answer.status} to /health; see its own log"
        return Health(ok=well, message=message, details=details)

    def _unknown_there(self) -> str:
        which = "does not accept our token" if self.token else "wants a token, and there is none"
        return f"it {which}; set TELEMETRY_API_AUTH_TOKEN to one of its tokens"

    def close(self) -> None:
        """Close the connections."""
        if self._channel is not None:
            self._channel.close()

    def stats(self) -> dict[str, int]:
        """Return how much was delivered and rejected since the sink was built."""
        return dict(self._figures)

    def channel(self) -> Channel:
        """Return the way to the service; nothing is open before the first call."""
        if self._channel is None:
            self._channel = self._new_channel()
        return self._channel

    def _new_channel(self) -> Channel:
        from telemetry_http_api.calling import Channel

        return Channel(self._root, self.token, self.trust_store, self.clock)


def _has_place_for_events(channel: Channel, batch: Batch) -> bool:
    """Tell whether a service that had none is ours by now; asked only where there are events."""
    from telemetry_http_api.calling import SERVICE

    if all(isinstance(record.body, RunRecord) for record in batch):
        return False
    return SERVICE in channel.call("GET", "/health", deadline=batch.deadline).headers

"""The sink: hands each batch to RAXE with the key of this user, and says what became of each record."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, evolve, field
from attrs.converters import optional

from telemetry_core import (
    Batch,
    Clock,
    Environment,
    Health,
    Lane,
    Receipt,
    Rejection,
    RunEvent,
    SystemClock,
    hookimpl,
)
from telemetry_raxe.addresses import trusted
from telemetry_raxe.back_pressure import CRITICAL_SIZE, STANDARD_SIZE, fill_of, is_kept
from telemetry_raxe.endpoints import endpoints
from telemetry_raxe.event_types import EVENT_TYPES

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_raxe.receipts import Item
    from telemetry_raxe.telemetry_shipper import TelemetryShipper

_MOST_EVENTS = 100
_ASK_AGAIN = 300.0  # seconds for which a word on the health of a key is good
_NEVER = 10**9  # failures in a row: the core has a circuit for each sink


def _trusted_or_none(url: str) -> str:
    return trusted(url) if url else ""


@define(eq=False)
class RaxeSink:
    """Sends events to RAXE, of the types that RAXE knows.

    :param enabled: `false`: nothing is sent, and nothing is kept for later.
    :param endpoint: where events are posted to; without, wherever RAXE is.
    :param health_endpoint: what is asked about the key; without, what is beside the endpoint.
    :param console_url: where people manage their keys.
    :param credential_path: where the key is kept; without, in `~/.raxe/credentials.json`.
    :param compression: whether requests are packed.
    :param dry_run: whether events are logged instead of sent.
    :param privacy_check: whether events with something private in them are never sent.
    :param back_pressure: whether scans, feature usage and heartbeats are thinned out while many wait.
    :param critical_size: how many critical records may wait before they count as standard ones.
    :param standard_size: from how many waiting ones on all that may be thinned out is.
    :param timeout: the seconds for an answer.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = _MOST_EVENTS
    batch_bytes: ClassVar[int] = 1024 * 1024
    remote: ClassVar[bool] = True
    also_named: ClassVar[str] = "telemetry"  # as RAXE's documents have it: telemetry.enabled
    only: ClassVar[tuple[str, ...]] = EVENT_TYPES

    enabled: bool = field(default=True, metadata={"env": ("RAXE_TELEMETRY_ENABLED",)})
    endpoint: str = field(
        default="",
        converter=_trusted_or_none,
        metadata={"env": ("RAXE_TELEMETRY_ENDPOINT",), "personal": True},
    )
    health_endpoint: str = field(
        default="",
        converter=_trusted_or_none,
        metadata={"env": ("RAXE_HEALTH_ENDPOINT",), "personal": True},
    )
    console_url: str = field(
        default="",
        converter=_trusted_or_none,
        metadata={"env": ("RAXE_CONSOLE_URL",), "personal": True},
    )
    credential_path: Path | None = field(
        default=None, converter=optional(Path), metadata={"personal": True}
    )
    compression: bool = True
    dry_run: bool = field(default=False, metadata={"env": ("RAXE_TELEMETRY_DRY_RUN",)})
    privacy_check: bool = False
    back_pressure: bool = False
    critical_size: int = CRITICAL_SIZE
    standard_size: int = STANDARD_SIZE
    timeout: float = 30.0
    clock: Clock = field(factory=SystemClock, repr=False)

    _url: str = field(init=False, repr=False)
    _health_url: str = field(init=False, repr=False)
    _shipper: TelemetryShipper | None = field(init=False, repr=False, default=None)
    _figures: Counter[str] = field(init=False, repr=False)
    _word: Health | None = field(init=False, repr=False, default=None)
    _ask_again_at: float = field(init=False, repr=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        """Refuse addresses that no key may go to."""
        self._figures = Counter(batches=0, delivered=0, rejected=0, switched_off=0, passed_over=0)
        self._url, self._health_url = endpoints(self.endpoint, self.health_endpoint, Environment())

    def destination(self) -> str:
        """Return where events go; what waited while one key was refused goes with the next.

        What is told in a dry run is sent nowhere later, and what waits is not used up by one.
        """
        return f"dry run of {self._url}" if self.dry_run else self._url

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch and say what became of each record; what was not answered waits."""
        if not self.enabled:
            self._figures["switched_off"] += len(batch)
            return Receipt.all(batch)
        decided, items = self._prepared(batch)
        receipt = self._sent_all(items, batch.deadline)
        if items and not (receipt.delivered or receipt.rejected):
            return receipt  # what was decided here waits too: else no failure would be seen
        self._figures["passed_over"] += len(decided.delivered)
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected) + len(decided.rejected)
        return _joined(decided, receipt)

    def _prepared(self, batch: Batch) -> tuple[Receipt, list[Item]]:
        """Return what is decided without asking RAXE, and what is to be sent."""
        from telemetry_raxe.events import encoded
        from telemetry_raxe.privacy_check import refuse_private
        from telemetry_raxe.receipts import Item
        from telemetry_raxe.shipper_errors import ShipperError

        fill = self._fill(batch)
        items, passed_over, rejected = [], [], {}
        for record in batch:
            event = self._event(record.body, batch.attempt)
            if event is None or not is_kept(event, fill):
                passed_over.append(record.id)
                continue
            try:
                if self.privacy_check:
                    refuse_private(event)
                items.append(Item(record, encoded(event)))
            except ShipperError as error:
                rejected[record.id] = Rejection(error.code, str(error), certain=True)
        return Receipt.of(passed_over, rejected), items

    def _fill(self, batch: Batch) -> float:
        """Return how full the standard lane is; a batch that is not full leaves nothing behind."""
        if not self.back_pressure or len(batch) < _MOST_EVENTS:
            return 0.0
        sizes = self.critical_size, self.standard_size
        return fill_of(batch.waiting(Lane.CRITICAL), batch.waiting(Lane.STANDARD), sizes)

    def _sent_all(self, items: Sequence[Item], deadline: float) -> Receipt:
        """Send events, as many requests as that takes, until one does not settle all of its own."""
        receipt, left = Receipt(), iter(items)
        while portion := list(islice(left, _MOST_EVENTS)):
            answered = self._sent(portion, deadline)
            receipt = _joined(receipt, answered)
            self._figures["batches"] += 1
            if len(answered.delivered) + len(answered.rejected) < len(portion):
                break
        return receipt

    def _sent(self, items: Sequence[Item], deadline: float) -> Receipt:
        from telemetry_raxe.errors import CredentialError
        from telemetry_raxe.receipts import receipt_of, receipt_of_error
        from telemetry_raxe.shipper_errors import ShipperError

        try:
            shipper = self._opened()
        except CredentialError as error:
            return Receipt.pause("credentials", str(error))
        try:
            result = shipper.ship([item.event for item in items], deadline=deadline)
        except ShipperError as error:
            receipt = receipt_of_error(error, items, self.clock, shipper.limits)
            if receipt.pause_until is not None:  # by then the key or its limits may be others
                self.close()
            return receipt
        return receipt_of(result, items)

    @hookimpl
    def check_health(self) -> Health:
        """Say how the key stands; RAXE is asked now and then, also while it does not answer."""
        if self._word is None or self.clock.monotonic() >= self._ask_again_at:
            self._word = self._asked()
            self._ask_again_at = self.clock.monotonic() + _ASK_AGAIN
        return self._word

    def _asked(self) -> Health:
        from telemetry_raxe.errors import CredentialError
        from telemetry_raxe.shipper_errors import ShipperError

        details: dict[str, Any] = {"endpoint": self.destination()}
        if not self.enabled:
            return Health(ok=True, message="switched off: nothing is sent", details=details)
        try:
            standing = self._opened().check_health()
        except (ShipperError, CredentialError) as error:
            return Health(ok=False, message=str(error), details=details)
        details |= {"tier": standing.tier, "clock_drift_seconds": standing.clock_drift_seconds}
        return Health(ok=True, details=details)

    def may_disable(self) -> Health:
        """Tell whether the key allows that telemetry is switched off; what is unknown is not allowed."""
        from telemetry_raxe.errors import CredentialError
        from telemetry_raxe.switching_off import allowed

        if not self.enabled:
            return Health(ok=True)
        if self.dry_run:
            return Health(ok=False, message="a dry run asks nobody whether the key allows it")
        try:
            return allowed(self._opened())
        except CredentialError as error:
            return Health(ok=False, message=str(error))

    def last_event(self) -> tuple[str, dict[str, Any]] | None:
        """Return what is said before telemetry is switched off."""
        from telemetry_raxe.switching_off import FINAL_EVENT

        return FINAL_EVENT if self.enabled else None

    def close(self) -> None:
        """Close the connections."""
        shipper, self._shipper = self._shipper, None
        if shipper is not None:
            shipper.close()

    def stats(self) -> dict[str, int]:
        """Return what was delivered, rejected and passed over since the sink was built."""
        return dict(self._figures)

    def _event(self, event: object, attempt: int) -> dict[str, Any] | None:
        """Return what is said of an event; nothing of a run, of which RAXE does not know."""
        from telemetry_raxe.events import new_event, organisation_in, wire_id

        if not isinstance(event, RunEvent):
            return None
        payload = event.payload
        said = new_event(
            event.event_type,
            payload if isinstance(payload, dict) else {"payload": payload} if payload else {},
            time_ns=event.time_ns,
            event_id=wire_id(event.event_id),
            **organisation_in(event.context),
        )
        said["retry_count"] = attempt - 1
        return said

    def _opened(self) -> TelemetryShipper:
        if self._shipper is None:
            from telemetry_raxe.credential_store import CredentialStore
            from telemetry_raxe.shipper_config import TelemetryShipperConfig
            from telemetry_raxe.telemetry_shipper import TelemetryShipper

            store = CredentialStore(self.credential_path, clock=self.clock)
            credentials = None if self.dry_run else store.get_or_create()
            config = TelemetryShipperConfig(
                endpoint=self._url,
                health_endpoint=self._health_url,
                timeout_seconds=self.timeout,
                max_retries=0,
                compression=self.compression,
                dry_run=self.dry_run,
                circuit_failure_threshold=_NEVER,
            )
            self._shipper = TelemetryShipper(config, credentials, store=store, clock=self.clock)
        return self._shipper


def _joined(first: Receipt, then: Receipt) -> Receipt:
    """Return what became of the records of two requests, the second one having the last word."""
    return evolve(
        then,
        delivered=first.delivered | then.delivered,
        rejected={**first.rejected, **then.rejected},
    )

"""The sink: hands each batch to a server, signed, and says what became of each record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import define, evolve, field
from attrs.converters import optional
from attrs.validators import in_

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    Environment,
    Health,
    Kind,
    Receipt,
    Secret,
    SystemClock,
    hookimpl,
    installation_id,
)
from telemetry_hmac_ingest.address import (
    HEALTH,
    bearer,
    identifier,
    ingest_path,
    server_root,
    signing_secret,
)

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from telemetry_hmac_ingest.batches import Item
    from telemetry_hmac_ingest.events import Events
    from telemetry_hmac_ingest.posting import Courier

_HEALTH_WITHIN = 5.0
_WELL = 200


def _no_figures() -> Counter[str]:
    return Counter(batches=0, delivered=0, rejected=0, not_tracked=0)


@define(eq=False)
class HmacIngestSink:
    """Sends events and runs to an ingestion server, in batches that are signed.

    :param endpoint: the root of the server, http://127.0.0.1:3000.
    :param org_id: whose events they are, and `app_id` which application's.
    :param secret: what batches are signed with, used as it is written.
    :param token: says who signed; servers that want none find it out by the application.
    :param signing: nonce, or legacy for the servers that sign without one.
    :param gzip: whether bodies are packed, which the servers of others do not unpack.
    :param runs: whether runs are sent, as run_started and run_ended.
    :param environment: whether the machine is told of, besides the name of its system.
    :param dnt: whether the user wants nothing tracked: nothing is sent, and nothing kept.
    :param timeout: the seconds for an answer; a large body gets some more.
    :param service: what the program is called; the core offers its own name of it.
    :param service_version: its version; without, that of the distribution of this name.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param state_dir: where the installation's id is kept; without, in the user's state directory.
    :param clock: what signs the time; the core offers its own.
    """

    name: ClassVar[str] = "hmac_ingest"
    batch_size: ClassVar[int] = 1000
    batch_bytes: ClassVar[int] = 2 * 1024 * 1024
    remote: ClassVar[bool] = True

    endpoint: str = field(converter=server_root, metadata={"env": ("TELEMETRY_INGEST_ENDPOINT",)})
    org_id: str = field(converter=identifier, metadata={"env": ("TELEMETRY_INGEST_ORG_ID",)})
    app_id: str = field(converter=identifier, metadata={"env": ("TELEMETRY_INGEST_APP_ID",)})
    secret: Secret = field(converter=signing_secret, metadata={"env": ("TELEMETRY_INGEST_SECRET",)})
    token: Secret | None = field(
        default=None, converter=optional(bearer), metadata={"env": ("TELEMETRY_INGEST_TOKEN",)}
    )
    signing: Literal["nonce", "legacy"] = field(default="nonce", validator=in_(("nonce", "legacy")))
    gzip: bool = False
    runs: bool = True
    environment: bool = True
    dnt: bool = field(default=False, metadata={"env": ("DNT",)})
    timeout: float = 10.0
    service: str = "default"
    service_version: str | None = None
    trust_store: Path | None = field(default=None, converter=optional(Path))
    state_dir: Path | None = field(default=None, converter=optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)

    _courier: Courier | None = field(init=False, repr=False, default=None)
    _events: Events | None = field(init=False, repr=False, default=None)
    _figures: Counter[str] = field(init=False, repr=False, factory=_no_figures)

    def destination(self) -> str:
        """Return the URL of the application; credentials that are put right get what waited."""
        return self.endpoint + ingest_path(self.org_id, self.app_id)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch and say what became of each record; what was not answered waits."""
        from telemetry_hmac_ingest.batches import portions

        if self.dnt:
            self._figures["not_tracked"] += len(batch)
            return Receipt.all(batch)
        receipt, items = self._prepared(batch)
        for portion in portions(items):
            answered = self._sent(portion, batch)
            self._figures["batches"] += 1
            receipt = _joined(receipt, answered)
            if len(answered.delivered) + len(answered.rejected) < len(portion):
                break
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        return receipt

    @hookimpl
    def check_health(self) -> Health:
        """Ask whether the server is there; `telemetry ingest test` tells whether it takes events."""
        from httpx import TransportError

        details = {"endpoint": self.endpoint, "org_id": self.org_id, "app_id": self.app_id}
        try:
            answer = self.courier().get(HEALTH, _HEALTH_WITHIN)
        except (TransportError, ConfigError) as error:
            why = f"{self.endpoint} does not answer ({type(error).__name__}: {error})"
            return Health(ok=False, message=f"{why}; check endpoint", details=details)
        well = answer.status == _WELL
        message = "" if well else f"{self.endpoint}{HEALTH} answers {answer.status}"
        return Health(ok=well, message=message, details=details)

    def close(self) -> None:
        """Close the connection."""
        if self._courier is not None:
            self._courier.close()

    def stats(self) -> dict[str, int]:
        """Return what was delivered, rejected and not tracked, and the skew of our clock."""
        skew = 0 if self._courier is None else self._courier.skew
        return {**self._figures, "clock_skew_seconds": skew}

    def courier(self) -> Courier:
        """Return the way to the server; nothing is open before the first request."""
        if self._courier is None:
            from telemetry_hmac_ingest.posting import Courier

            self._courier = Courier(self, self.secret.reveal())
        return self._courier

    def events(self) -> Events:
        """Return what makes events of records; the installation is asked for its id only now."""
        if self._events is None:
            from telemetry_hmac_ingest.events import Events
            from telemetry_hmac_ingest.surroundings import environment, service

            self._events = Events(
                service(self.service, self.service_version),
                environment(Environment(), whole=self.environment),
                installation_id(self.state_dir),
            )
        return self._events

    def _prepared(self, batch: Batch) -> tuple[Receipt, list[Item]]:
        """Return what is decided without asking the server, and what is to be sent."""
        from telemetry_hmac_ingest.batches import Item, item_of

        items, done, rejected = [], [], {}
        for record in batch:
            wanted = self.runs or record.kind is Kind.EVENT
            event = self.events().of(record) if wanted else None
            made = None if event is None else item_of(record, event)
            if isinstance(made, Item):
                items.append(made)
            elif made is None:
                done.append(record.id)
            else:
                rejected[record.id] = made
        return Receipt.of(done, rejected), items

    def _sent(self, portion: list[Item], batch: Batch) -> Receipt:
        from httpx import TransportError

        from telemetry_core.sending import receipt_for_error
        from telemetry_hmac_ingest.answers import NOT_TRACKED, receipt_of

        courier = self.courier()
        try:
            answer = courier.send(portion, deadline=batch.deadline, attempt=batch.attempt)
        except TransportError as error:
            return receipt_for_error(error)
        if answer.status == NOT_TRACKED:
            self._figures["not_tracked"] += len(portion)
        return receipt_of(answer, portion, self.clock)


def _joined(first: Receipt, then: Receipt) -> Receipt:
    """Return what became of the records of two requests, the second one having the last word."""
    return evolve(
        then,
        delivered=first.delivered | then.delivered,
        rejected={**first.rejected, **then.rejected},
    )

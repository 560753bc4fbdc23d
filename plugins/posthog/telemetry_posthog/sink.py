"""The sink: hands each batch to PostHog, as events, and says what became of each record."""

from __future__ import annotations

from collections import Counter
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
    Rejection,
    RunEvent,
    Secret,
    SystemClock,
    hookimpl,
)
from telemetry_posthog.address import BATCH, endpoint, ingestion_host, project_key
from telemetry_posthog.filtering import function_named

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from telemetry_core import Record
    from telemetry_posthog.bodies import Item
    from telemetry_posthog.messages import Messages
    from telemetry_posthog.posting import Postbox

_HEALTH_WITHIN = 5.0
_BROKEN = 500


@define(eq=False)
class PostHogSink:
    """Sends events, exceptions and runs to a project of PostHog.

    :param api_key: the project's key, phc_…; nothing is sent without.
    :param host: where PostHog is, its US cloud by default; the address of its pages will do.
    :param endpoint: /batch/, or /capture/ for a request of its own for each event.
    :param runs: whether runs are sent, as run_started and run_ended.
    :param gzip: whether requests are packed.
    :param timeout: the seconds for an answer; a large body gets some more.
    :param super_properties: what every event says, whatever it says itself.
    :param groups: the groups that every event belongs to, by their type.
    :param before_send: the "module:function" that sees each event last and returns it, changed
        or not, or nothing to hold it back.
    :param geoip_disable: whether PostHog is to leave alone where requests come from.
    :param historical_migration: whether PostHog is to treat what comes as a backfill.
    :param release: the release that events are of, where they name none.
    :param trust_store: a PEM file with the certificates to trust instead of the usual ones.
    :param state_dir: where the installation's id is kept; without, in the user's state directory.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    batch_size: ClassVar[int] = 100
    batch_bytes: ClassVar[int] = 4 * 1024 * 1024
    remote: ClassVar[bool] = True

    api_key: Secret | None = field(
        default=None, converter=optional(project_key), metadata={"env": ("POSTHOG_API_KEY",)}
    )
    host: str = field(default="", converter=ingestion_host, metadata={"env": ("POSTHOG_HOST",)})
    endpoint: str = field(default=BATCH, converter=endpoint)
    runs: bool = True
    gzip: bool = False
    timeout: float = 5.0
    super_properties: dict[str, Any] = field(factory=dict)
    groups: dict[str, str] = field(factory=dict)
    before_send: Any = field(default=None, converter=optional(function_named))
    geoip_disable: bool = True
    historical_migration: bool = False
    release: str | None = field(default=None, metadata={"env": ("POSTHOG_RELEASE_ID",)})
    trust_store: Path | None = field(default=None, converter=optional(Path))
    state_dir: Path | None = field(default=None, converter=optional(Path))
    clock: Clock = field(factory=SystemClock, repr=False)

    _postbox: Postbox | None = field(init=False, repr=False, default=None)
    _messages: Messages | None = field(init=False, repr=False, default=None)
    _figures: Counter[str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to be without a key."""
        if not self.api_key:
            raise ConfigError(
                "posthog has no project key: set api_key in [plugins.posthog] or POSTHOG_API_KEY"
                " (phc_…, from the project settings of PostHog); nothing is sent without"
            )
        self._figures = Counter(batches=0, delivered=0, rejected=0, held_back=0)

    def destination(self) -> str:
        """Return the host; a key that is put right gets what waited for it."""
        return self.host

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch and say what became of each record; what was not answered waits."""
        from telemetry_posthog.bodies import bodies
        from telemetry_posthog.posting import joined

        receipt, items = self._prepared(batch)
        postbox = self._opened() if items else None
        for portion in bodies(items, postbox.most if postbox else 1):
            assert postbox is not None
            answered = postbox.post(portion, batch.deadline)
            receipt = joined(receipt, answered)
            self._figures["batches"] += 1
            if len(answered.delivered) + len(answered.rejected) < len(portion):
                break
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        return receipt

    def _prepared(self, batch: Batch) -> tuple[Receipt, list[Item]]:
        """Return what is decided without asking PostHog, and what is to be sent."""
        from telemetry_posthog.bodies import Item

        items, done, rejected = [], [], {}
        for record in batch:
            content = self._content(record)
            if isinstance(content, Rejection):
                rejected[record.id] = content
            elif content is None:
                done.append(record.id)
            else:
                items.append(Item(record, content))
        return Receipt.of(done, rejected), items

    def _content(self, record: Record) -> bytes | Rejection | None:
        """Return the JSON of a record, why there will never be any, or that nobody wants it."""
        from telemetry_posthog.bodies import LARGEST_EVENT, encoded
        from telemetry_posthog.values import plain

        if not self.runs and not isinstance(record.body, RunEvent):
            return None
        message = self._told().of(record)
        if message is None:
            return None
        if self.before_send is not None:
            try:
                message = self.before_send(message)
            except Exception as error:
                return Rejection("before_send", f"before_send raised {error!r}", certain=True)
            if message is None:
                self._figures["held_back"] += 1
                return None
            message = plain(message)
        if not isinstance(message, dict) or not message.get("event"):
            return Rejection("no_event", "PostHog takes no event without a name", certain=True)
        content = encoded(message)
        if len(content) > LARGEST_EVENT:
            why = (
                f"PostHog takes events of up to {LARGEST_EVENT:,} bytes; this has {len(content):,}"
            )
            return Rejection("too_large", why, certain=True)
        return content

    @hookimpl
    def check_health(self) -> Health:
        """Ask whether PostHog is there; only an event would tell whether it takes the key."""
        from httpx import TransportError

        details = {"host": self.host, "endpoint": self.endpoint}
        try:
            answer = self._opened().get("/", _HEALTH_WITHIN)
        except (TransportError, ConfigError) as error:
            message = f"{self.host} does not answer ({type(error).__name__}: {error}); check host"
            return Health(ok=False, message=message, details=details)
        well = answer.status < _BROKEN
        message = "" if well else f"{self.host} answers {answer.status}"
        return Health(ok=well, message=message, details=details)

    def close(self) -> None:
        """Close the connection."""
        if self._postbox is not None:
            self._postbox.close()

    def stats(self) -> dict[str, int]:
        """Return what was delivered, rejected and held back since the sink was built."""
        return dict(self._figures)

    def _opened(self) -> Postbox:
        if self._postbox is None:
            from telemetry_posthog.posting import Postbox

            assert self.api_key is not None
            self._postbox = Postbox(self, self.api_key.reveal())
        return self._postbox

    def _told(self) -> Messages:
        if self._messages is None:
            from telemetry_core import installation_id
            from telemetry_posthog.messages import Messages

            extra = {"$geoip_disable": True} if self.geoip_disable else {}
            self._messages = Messages(
                installation_id(self.state_dir),
                groups=self.groups,
                extra={**extra, **self.super_properties},
                release=self.release,
            )
        return self._messages

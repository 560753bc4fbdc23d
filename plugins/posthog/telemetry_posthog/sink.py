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
    Secret,
    SystemClock,
    hookimpl,
)
from telemetry_posthog.address import BATCH, NO_KEY, endpoint, ingestion_host, project_key
from telemetry_posthog.filtering import function_named

# What speaks HTTP is imported by the worker: the class itself is imported in the program's own
# thread, when a client is built.
if TYPE_CHECKING:
    from telemetry_posthog.filtering import BeforeSend
    from telemetry_posthog.posting import Postbox
    from telemetry_posthog.preparing import Preparing

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
    :param consent: a `telemetry.yaml` with the user's choice and his id; what he does not agree
        to is neither sent nor kept.
    :param user_agent: who sends, for the server, instead of this distribution.
    :param clock: what the deadlines of batches are meant by; the core offers its own.
    """

    name: ClassVar[str] = "posthog"
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
    before_send: Any = None
    geoip_disable: bool = True
    historical_migration: bool = False
    release: str | None = field(default=None, metadata={"env": ("POSTHOG_RELEASE_ID",)})
    trust_store: Path | None = field(default=None, converter=optional(Path))
    state_dir: Path | None = field(default=None, converter=optional(Path))
    consent: Path | None = field(default=None, converter=optional(Path))
    user_agent: str | None = None
    clock: Clock = field(factory=SystemClock, repr=False)

    _postbox: Postbox | None = field(init=False, repr=False, default=None)
    _preparing: Preparing | None = field(init=False, repr=False, default=None)
    _last_word: BeforeSend | None = field(init=False, repr=False, default=None)
    _figures: Counter[str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse to be without a key, and without the function that is to see each event."""
        if not self.api_key:
            raise ConfigError(NO_KEY)
        if self.before_send is not None:
            self._last_word = function_named(self.before_send)
        self._figures = Counter(batches=0, delivered=0, rejected=0)

    def destination(self) -> str:
        """Return the host; a key that is put right gets what waited for it."""
        return self.host

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch and say what became of each record; what was not answered waits."""
        from telemetry_posthog.bodies import bodies
        from telemetry_posthog.posting import joined

        receipt, items = self.preparing().prepared(batch)
        postbox = self.postbox()
        for portion in bodies(items, postbox.most):
            answered = postbox.post(portion, batch.deadline)
            receipt = joined(receipt, answered)
            self._figures["batches"] += 1
            if len(answered.delivered) + len(answered.rejected) < len(portion):
                break
        self._figures["delivered"] += len(receipt.delivered)
        self._figures["rejected"] += len(receipt.rejected)
        return receipt

    @hookimpl
    def check_health(self) -> Health:
        """Ask whether PostHog is there; only an event would tell whether it takes the key."""
        from httpx import TransportError

        details = {"host": self.host, "endpoint": self.endpoint}
        try:
            answer = self.postbox().get("/", _HEALTH_WITHIN)
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
        held_back = 0 if self._preparing is None else self._preparing.held_back
        return {**self._figures, "held_back": held_back}

    def postbox(self) -> Postbox:
        """Return the way to PostHog; nothing is open before the first request."""
        if self._postbox is None:
            from telemetry_posthog.posting import Postbox

            assert self.api_key is not None
            self._postbox = Postbox(self, self.api_key.reveal())
        return self._postbox

    def preparing(self) -> Preparing:
        """Return what makes events of records; the installation is asked for its id only now."""
        if self._preparing is None:
            from telemetry_posthog.preparing import Preparing

            self._preparing = Preparing(self, self._last_word)
        return self._preparing

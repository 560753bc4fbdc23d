"""Makes of a batch what is sent, and decides what never will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core import Kind, Receipt, Rejection, installation_id
from telemetry_posthog.bodies import LARGEST_EVENT, encoded
from telemetry_posthog.consent import Consent
from telemetry_posthog.messages import Messages
from telemetry_posthog.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core import Record
    from telemetry_posthog.bodies import Item
    from telemetry_posthog.filtering import BeforeSend
    from telemetry_posthog.sink import PostHogSink

_NAMELESS = Rejection("no_event", "PostHog takes no event without a name", certain=True)


class Preparing:
    """Says records as events, by the settings of a sink; what all have is computed once.

    :ivar held_back: how many events `before_send`, or the user, did not want to be sent.
    """

    def __init__(self, sink: PostHogSink, last_word: BeforeSend | None) -> None:
        extra = {"$geoip_disable": True} if sink.geoip_disable else {}
        self.held_back = 0
        self._consent = sink.consent
        self.messages = Messages(
            self._agreed().id or installation_id(sink.state_dir),
            groups=sink.groups,
            extra={**extra, **sink.super_properties},
            release=sink.release,
        )
        self._before_send = last_word
        self._runs = sink.runs

    def prepared(self, batch: Iterable[Record]) -> tuple[Receipt, list[Item]]:
        """Return what is decided without asking PostHog, and what is to be sent."""
        if not self._agreed().telemetry:
            unwanted = [record.id for record in batch]
            self.held_back += len(unwanted)
            return Receipt.of(unwanted), []
        items: list[Item] = []
        done, rejected = [], {}
        for record in batch:
            wanted = self._runs or record.kind is Kind.EVENT
            content = self.content(self.messages.of(record)) if wanted else None
            if type(content) is bytes:
                items.append((record, content))
            elif isinstance(content, Rejection):
                rejected[record.id] = content
            else:
                done.append(record.id)
        return Receipt.of(done, rejected), items

    def _agreed(self) -> Consent:
        """Return the user's choice as it is stored now; who is not asked has agreed."""
        return Consent(telemetry=True) if self._consent is None else Consent.stored(self._consent)

    def content(self, message: dict[str, Any] | None) -> bytes | Rejection | None:
        """Return the JSON of an event, why there will never be any, or that nobody wants it."""
        if message is None:
            return None
        if self._before_send is not None:
            try:
                message = self._before_send(message)
            except Exception as error:
                return Rejection("before_send", f"before_send raised {error!r}", certain=True)
            if message is None:
                self.held_back += 1
                return None
            message = plain(message)
        if not isinstance(message, dict) or not message.get("event"):
            return _NAMELESS
        content = encoded(message)
        if len(content) <= LARGEST_EVENT:
            return content
        why = f"PostHog takes events of up to {LARGEST_EVENT:,} bytes; this has {len(content):,}"
        return Rejection("too_large", why, certain=True)

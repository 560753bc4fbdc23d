"""Sinks with a will of their own, installed on every stage beside the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attrs import define, evolve, field
from telemetry_ndjson import NdjsonSink

from examples.webhook_sink import WebhookSink
from telemetry_core import Batch, Receipt, Rejection, hookimpl

if TYPE_CHECKING:
    from telemetry_core import Record


@define(eq=False)
class PickySink(NdjsonSink):
    """Writes files, but not what is poison to it.

    :param poison: every record whose number ends in these digits.
    :param raises: give up the whole batch then, as a sink with a fault would.
    """

    batch_size: ClassVar[int] = 100

    poison: str = "31"
    raises: bool = False

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Write what is not poison."""
        bad = {
            record.id: Rejection("poison", "not to my taste")
            for record in filter(self._hates, batch)
        }
        if bad and self.raises:
            raise ValueError("not to my taste")
        good = tuple(record for record in batch if record.id not in bad)
        if good:
            super().ship_batch(evolve(batch, records=good))
        return Receipt.of(delivered=[record.id for record in good], rejected=bad)

    def _hates(self, record: Record) -> bool:
        return f"{self.poison}-" in record_mark(record)


class NarrowSink(NdjsonSink):
    """Writes files, and takes no large record."""

    max_record_bytes: ClassVar[int] = 20_000


@define(eq=False)
class HastySink(WebhookSink):
    """Sends, and has no more than a moment for its first request.

    :param moment: seconds, in the place of what a batch has by its deadline.
    """

    moment: float = 0.25
    _began: bool = field(default=False, init=False)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Send the batch."""
        if not self._began:
            self._began = True
            batch = evolve(batch, deadline=self.clock.monotonic() + self.moment)
        return super().ship_batch(batch)


def record_mark(record: Record) -> str:
    """Return the mark of an event, or nothing for what is none of ours."""
    payload = getattr(record.body, "payload", None) or {}
    return str(payload.get("mark", ""))

"""A remote within the program that is down until somebody opens it, and knows what it got."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core import Receipt, hookimpl

if TYPE_CHECKING:
    from telemetry_core import Batch


@define(eq=False)
class Door:
    """Lets in as many records as it was told to, and is not there otherwise.

    :ivar retry_after: what it asks for when it does not let in, once.
    """

    name: str = "door"
    remote: bool = field(default=True, init=False)
    accepts: float = 0
    retry_after: float | None = None
    ids: set[str] = field(factory=set)
    opened_at: float = 0.0
    shut_at: float = 0.0

    def open_for(self, count: float) -> None:
        """Let in so many more records."""
        self.accepts, self.opened_at = count, process_time()

    @property
    def cpu_seconds(self) -> float:
        """What the process spent between opening and the last that came in."""
        return self.shut_at - self.opened_at

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Take the batch whole, or nothing of it."""
        if self.accepts <= 0:
            asked, self.retry_after = self.retry_after, None
            return Receipt.wait("nobody is there", code="network", retry_after=asked)
        self.ids.update(record.id for record in batch)
        self.accepts -= len(batch)
        self.shut_at = process_time()
        return Receipt.all(batch)

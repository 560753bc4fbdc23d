"""What delivery stands between: what a sink is owed, the sink, and the step a worker repeats."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from telemetry_core.records import Batch, Lane, Receipt, Record


class Outbox(Protocol):
    """One sink's view of everything it is owed."""

    def take(self, limit: int, max_bytes: int) -> list[Record]:
        """Read on: critical ones first, at least one record even if it is larger."""

    def settle(self, ids: Iterable[str]) -> None:
        """Never bring these again; does not raise."""

    def pending(self, at_most: int = sys.maxsize, *, lanes: Collection[Lane] = ...) -> int:
        """Count what is not settled; to know of a few it need not look at all."""


class Sink(Protocol):
    """What a shipper needs to know of an active plugin, once it is built."""

    @property
    def name(self) -> str:
        """Its unique name."""

    @property
    def instance(self) -> object:
        """The plugin itself; its settings are part of what a pause is about."""

    @property
    def only(self) -> Sequence[str]:
        """The event types and run records it wants; none stands for all."""

    @property
    def except_(self) -> Sequence[str]:
        """The event types and run records it does not want."""

    @property
    def batch_size(self) -> int:
        """The most records in a batch."""

    @property
    def batch_bytes(self) -> int:
        """The most bytes in a batch of more than one record."""

    @property
    def max_record_bytes(self) -> int | None:
        """The largest record it accepts."""

    @property
    def ship_batch(self) -> Callable[[Batch], Receipt | None] | None:
        """The hook, bound."""

    def destination(self) -> str | None:
        """Return what identifies the other end."""


class Step(Protocol):
    """What a worker does over and over."""

    def __call__(self, *, force: bool = False) -> float | None:
        """Do a piece; return the seconds until the next, or nothing when there is none to do."""

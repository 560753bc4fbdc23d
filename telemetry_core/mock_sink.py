"""What stands in for a remote sink under `TELEMETRY_TEST_MODE=mock`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from telemetry_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from telemetry_core.records import Batch, Record

_REMEMBERED = 10_000
MOCKED = "TELEMETRY_TEST_MODE=mock"


class MockSink:
    """Sends nothing and keeps the latest records."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=_REMEMBERED)

    def destination(self) -> str:
        """Return a destination that is no real sink's."""
        return MOCKED

    @hookimpl
    def ship_batch(self, batch: Batch) -> None:
        """Keep the records and say that all arrived."""
        self.records.extend(batch)

"""What of the contract concerns a sink whose other end is its own memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_telemetry.contract.delivering import Delivering
from pytest_telemetry.contract.ending import Ending
from pytest_telemetry.contract.receipts import Receipts

from telemetry_core.mock_sink import MockSink

if TYPE_CHECKING:
    from pathlib import Path


class TestMockSink(Delivering, Receipts, Ending):
    append_only = True

    def make_sink(self, where: Path) -> MockSink:
        self.sinks: dict[Path, list[MockSink]] = getattr(self, "sinks", None) or defaultdict(list)
        sink = MockSink()
        self.sinks[where].append(sink)
        return sink

    def delivered(self, where: Path) -> list[str]:
        return [record.id for sink in self.sinks[where] for record in sink.records]

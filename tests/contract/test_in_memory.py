"""What of the contract concerns sinks whose other end is their own memory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pytest_telemetry import Recorder
from pytest_telemetry.contract.delivering import Delivering
from pytest_telemetry.contract.ending import Ending
from pytest_telemetry.contract.receipts import Receipts

from telemetry_core.mock_sink import MockSink

if TYPE_CHECKING:
    from pathlib import Path


class InMemory(Delivering, Receipts, Ending):
    append_only = True
    kind: ClassVar[Any]
    remembers: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _count(self) -> None:
        self.sinks: dict[Path, list[Any]] = defaultdict(list)

    def make_sink(self, where: Path) -> object:
        sink: object = self.kind()
        self.sinks[where].append(sink)
        return sink

    def delivered(self, where: Path) -> list[str]:
        return [r.id for sink in self.sinks[where] for r in getattr(sink, self.remembers)]


class TestMockSink(InMemory):
    kind = MockSink
    remembers = "records"


class TestRecorder(InMemory):
    kind = Recorder
    remembers = "shipped"

"""The contract over the sink that writes JSON lines."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock
from pytest_telemetry import SinkContract
from pytest_telemetry.contract import out_of_reach
from telemetry_ndjson import NdjsonSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


class TestNdjsonSink(SinkContract):
    secret = ""
    append_only = True

    def make_sink(self, where: Path) -> NdjsonSink:
        return NdjsonSink(directory=where / "raw")

    def delivered(self, where: Path) -> list[str]:
        files = (where / "raw").glob("*.ndjson")
        lines = [line for path in files for line in path.read_text("utf-8").split("\n") if line]
        return [json.loads(line)["event_id"] for line in lines]

    def break_destination(self, where: Path) -> AbstractContextManager[None]:
        return out_of_reach(where / "raw")

    @contextmanager
    def hang_destination(self, where: Path) -> Iterator[None]:
        (where / "raw").mkdir(exist_ok=True)
        with FileLock(where / "raw" / ".lock"):
            yield

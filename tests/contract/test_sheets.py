"""The contract over the sink that adds rows to a Google sheet, of ended runs alone."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import SheetsServer, SinkContract
from telemetry_sheets import SheetsSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestSheetsSink(SinkContract):
    ends_only = True
    secret = "-----BEGIN PRIVATE KEY-----"

    @pytest.fixture(autouse=True)
    def _serve(self, tmp_path: Path) -> Iterator[None]:
        self.servers = {name: SheetsServer() for name in ("here", "there")}
        with ExitStack() as ends:
            for server in self.servers.values():
                ends.enter_context(server.serving())
            self.keys = {
                name: server.service_account(tmp_path / f"{name}.json").read_text()
                for name, server in self.servers.items()
            }
            yield

    def make_sink(self, where: Path) -> SheetsSink:
        server = self.servers[where.name]
        return SheetsSink(
            spreadsheet_id=server.spreadsheet_id,
            credentials=self.keys[where.name],
            base_url=server.url,
        )

    def delivered(self, where: Path) -> list[str]:
        return [row["event_id"] for row in self.servers[where.name].rows]

    def status_of_run(self, where: Path, event_id: str) -> str:
        (row,) = [row for row in self.servers[where.name].rows if row["event_id"] == event_id]
        return str(row["status"])

    @contextmanager
    def break_destination(self, where: Path) -> Iterator[None]:
        self.servers[where.name].down()
        yield
        self.servers[where.name].up()

    @contextmanager
    def hang_destination(self, where: Path) -> Iterator[None]:
        fault = self.servers[where.name].hang()
        yield
        self.servers[where.name].clear(fault)

"""The contract over the sink that sends to a run service."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import RunsServer, SinkContract
from telemetry_http_api import HttpApiSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestHttpApiSink(SinkContract):
    secret = "hunter2-token"

    @pytest.fixture(autouse=True)
    def _serve(self) -> Iterator[None]:
        self.servers = {name: RunsServer() for name in ("here", "there")}
        with ExitStack() as ends:
            for server in self.servers.values():
                server.tokens.add(self.secret)
                ends.enter_context(server.serving())
            yield

    def make_sink(self, where: Path) -> HttpApiSink:
        return HttpApiSink(url=self.servers[where.name].url, token=self.secret)

    def delivered(self, where: Path) -> list[str]:
        server = self.servers[where.name]
        return [*server.runs, *(event["event_id"] for event in server.events)]

    def status_of_run(self, where: Path, event_id: str) -> str:
        return str(self.servers[where.name].runs[event_id]["status"])

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

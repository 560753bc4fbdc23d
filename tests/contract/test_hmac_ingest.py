"""The contract over the sink that sends to an ingestion server."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from pytest_telemetry import IngestServer, SinkContract
from telemetry_hmac_ingest import HmacIngestSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestHmacIngestSink(SinkContract):
    secret = "hunter2-signs"

    @pytest.fixture(autouse=True)
    def _serve(self) -> Iterator[None]:
        self.servers = {name: IngestServer() for name in ("here", "there")}
        with ExitStack() as ends:
            for server in self.servers.values():
                known = server.credentials("acme", "crawler", "enterprise")
                server.admission.known = [evolve(known, secret=self.secret)]
                ends.enter_context(server.serving())
            yield

    def make_sink(self, where: Path) -> HmacIngestSink:
        server = self.servers[where.name]
        (known,) = server.admission.known
        return HmacIngestSink(
            endpoint=server.url,
            org_id=known.org,
            app_id=known.app,
            token=known.token,
            secret=known.secret,
            state_dir=where,
        )

    def delivered(self, where: Path) -> list[str]:
        """Return the ids of events, and of a run the one that both of its events say."""
        return [
            event["event"]["data"]["event_id"]
            if event["event"]["type"].startswith("run_")
            else event["event_id"]
            for event in self.servers[where.name].events
        ]

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

"""The contract over the sink that sends to PostHog."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import PostHogServer, SinkContract
from telemetry_posthog import PostHogSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestPostHogSink(SinkContract):
    secret = "phc_hunter2"

    @pytest.fixture(autouse=True)
    def _serve(self) -> Iterator[None]:
        self.servers = {name: PostHogServer() for name in ("here", "there")}
        with ExitStack() as ends:
            for server in self.servers.values():
                server.keys.add(self.secret)
                ends.enter_context(server.serving())
            yield

    def make_sink(self, where: Path) -> PostHogSink:
        host = self.servers[where.name].url
        return PostHogSink(
            api_key=self.secret,
            host=host,
            state_dir=where,
            super_properties={"app": "crawler", "team": {"name": "one"}},
            groups={"company": "acme"},
        )

    def delivered(self, where: Path) -> list[str]:
        """Return the ids of events, and of a run the one that both of its events say."""
        events = self.servers[where.name].events
        return [
            event["properties"]["event_id"] if event["event"].startswith("run_") else event["uuid"]
            for event in events
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

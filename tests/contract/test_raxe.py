"""The contract over the sink that sends to RAXE, which takes events of its own types alone."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pytest_telemetry import RaxeServer, SinkContract, Story
from telemetry_raxe import Credentials, CredentialStore, RaxeSink

from telemetry_core import RunEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_core import Record

SCAN = {"prompt_hash": f"sha256:{'0' * 64}", "threat_detected": False, "scan_duration_ms": 3}
KEY = f"raxe_live_{'7' * 32}"


class Scans(Story):
    """Tells of scans, each with what another story would say somewhere in it."""

    def wants(self, record: Record) -> bool:
        return isinstance(record.body, RunEvent) and record.body.event_type == "scan"

    def told(self) -> tuple[Record, ...]:
        return tuple(self.event() for _ in range(5))

    def event(self, event_type: str = "page.fetched", **fields: Any) -> Record:
        said = {**SCAN, "rule": event_type}
        if fields.get("payload") is not None:
            said["details"] = fields["payload"]
        return super().event("scan", **{**fields, "payload": said})


class TestRaxeSink(SinkContract):
    secret = KEY
    tells = Scans

    @pytest.fixture(autouse=True)
    def _serve(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.delenv("RAXE_API_KEY", raising=False)
        self.servers = {name: RaxeServer() for name in ("here", "there")}
        with ExitStack() as ends:
            for server in self.servers.values():
                server.accounts.add(KEY, "pro")
                ends.enter_context(server.serving())
            yield

    def make_sink(self, where: Path) -> RaxeSink:
        path = where.with_name(f"{where.name}-key") / "credentials.json"
        store = CredentialStore(path)
        if store.load() is None:
            made = "2026-01-01T00:00:00Z"
            store.save(Credentials(KEY, "live", "inst_0123456789abcdef", made, None, None))
        url = self.servers[where.name].url
        return RaxeSink(endpoint=f"{url}/v1/telemetry", credential_path=path, timeout=20.0)

    def delivered(self, where: Path) -> list[str]:
        events = self.servers[where.name].events
        return [str(UUID(event["event_id"].removeprefix("evt_"))) for event in events]

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

"""The published client works against the fake, which takes what is recorded of it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from pytest_telemetry import FakeClock, RaxeServer, Request

from tests.raxe_client import RECORDED

GOLDEN = json.loads(RECORDED.read_text("utf-8"))
OF_COMMANDS = [one for command in GOLDEN["commands"].values() for one in command["requests"]]
BATCHES = [
    one["json"] for one in [*OF_COMMANDS, *GOLDEN["requests"]] if one["do"] == "POST /v1/telemetry"
]


def answered(server: RaxeServer, recorded: dict[str, Any]) -> int:
    """Return the status for a request that is sent once more."""
    method, target = recorded["do"].split()
    body = json.dumps(recorded["json"]).encode() if "json" in recorded else b""
    packed = recorded["headers"].get("content-encoding") == "gzip"
    request = Request(method, target, recorded["headers"], gzip.compress(body) if packed else body)
    return server.respond(request, lambda: False).status


@pytest.mark.parametrize("requests", [OF_COMMANDS, GOLDEN["requests"]], ids=["commands", "calls"])
def test_what_it_sends_is_answered_as_it_was(requests: list[dict[str, Any]]) -> None:
    server = RaxeServer(FakeClock())
    server.late.seconds = 0.001
    strange = [
        (one["do"], one["status"]) for one in requests if answered(server, one) != one["status"]
    ]
    assert requests
    assert strange == []


def test_all_its_events_are_taken() -> None:
    server = RaxeServer(FakeClock())
    for one in OF_COMMANDS:
        answered(server, one)
    assert len(server.batches) == sum(one["do"] == "POST /v1/telemetry" for one in OF_COMMANDS)
    assert len(server.events) == sum(len(batch.events) for batch in server.batches)
    server.assert_event("scan", threat_detected=True)


def test_its_envelopes_have_these_members() -> None:
    known = {"batch_id", "schema_version", "client_version", "installation_id", "sent_at"}
    known |= {"event_count", "compression", "events", "client_api_key_id"}
    assert {name for batch in BATCHES for name in batch} == known


def test_it_met_every_situation() -> None:
    assert {f"send_batch, {name}" for name in RaxeServer().keys} <= GOLDEN["calls"].keys()

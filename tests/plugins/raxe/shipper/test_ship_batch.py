"""One call ships one batch, and says what became of it."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.telemetry_shipper import (
    ShipperError,
    ShipResult,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from telemetry_core import ConfigError
from tests.plugins.raxe.shipper.conftest import SCAN, body_of, scan

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers


def test_a_batch_arrives(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    result = shipper.ship_batch([scan(1), scan(2)])
    assert (result.success, result.accepted, result.rejected, result.errors) == (True, 2, 0, [])
    assert result.server_time == "2026-01-01T12:00:00Z"
    assert [event["event_id"] for event in server.events] == [
        "evt_0000000000000001",
        "evt_0000000000000002",
    ]


def test_what_comes_twice_is_known(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    shipper.ship_batch([scan(1)])
    again = shipper.ship_batch([scan(1), scan(2)])
    assert (again.success, again.accepted, again.duplicates) == (True, 1, 1)
    assert len(server.events) == 2


def test_the_envelope_says_what_raxe_wants(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    shipper.ship_batch([scan()])
    body = body_of(server)
    assert re.fullmatch(r"batch_[0-9a-f]{32}", body.pop("batch_id"))
    body.pop("events")
    assert body == {
        "schema_version": "0.0.1",
        "client_version": version("telemetry-raxe"),
        "installation_id": "inst_0123456789abcdef",
        "sent_at": "2026-01-01T12:00:00.000000+00:00",
        "event_count": 1,
        "compression": "gzip",
        "client_api_key_id": "key_" + hashlib.sha256(server.keys["ok"].encode()).hexdigest()[:12],
    }


def test_the_request_says_whose_and_how_it_is_packed(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    shipper_for().ship_batch([scan()])
    headers = server.requests[-1].headers
    assert headers["authorization"] == f"Bearer {server.keys['ok']}"
    assert (headers["content-encoding"], headers["content-type"]) == ("gzip", "application/json")
    shipper_for(compression=False).ship_batch([scan()])
    assert "content-encoding" not in server.requests[-1].headers
    assert body_of(server)["compression"] == "none"


def test_what_lacks_in_an_event_is_filled_in(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    given = {"event_type": "session_end", "payload": {"session_id": "sess_1"}, "org_id": "org-7"}
    shipper.ship_batch([given])
    (event,) = body_of(server)["events"]
    assert re.fullmatch(r"evt_[0-9a-f]{16}", event.pop("event_id"))
    assert event == {
        **given,
        "priority": "critical",
        "timestamp": "2026-01-01T12:00:00.000000+00:00",
        "retry_count": 0,
    }
    assert given == {
        "event_type": "session_end",
        "payload": {"session_id": "sess_1"},
        "org_id": "org-7",
    }


def test_nothing_is_no_request(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    assert shipper.ship_batch([]) == ShipResult(True, 0, 0, 0, [], None, 0.0)
    assert server.requests == []


def test_a_hundred_and_one_events_are_too_many(
    shipper: TelemetryShipper, server: AnyAnswer
) -> None:
    with pytest.raises(ShipperError, match="up to 100 events; ship these 101"):
        shipper.ship_batch([scan(number) for number in range(101)])
    assert server.requests == []
    assert shipper.ship_batch([scan(number) for number in range(100)]).accepted == 100


def test_an_event_of_two_megabytes_is_never_sent(
    shipper: TelemetryShipper, server: AnyAnswer
) -> None:
    with pytest.raises(ShipperError, match="evt_0000000000000002 has 2,000,") as caught:
        shipper.ship_batch([scan(1), scan(2, payload={**SCAN, "rule": "x" * 2_000_000})])
    assert caught.value.code == "event_too_large"
    assert server.requests == []


@pytest.mark.parametrize(
    "event", [{}, {"event_type": ""}, {"event_type": 7}, {"event_type": "scan", "payload": []}, []]
)
def test_what_is_no_event_is_said_at_once(
    shipper: TelemetryShipper, server: AnyAnswer, event: object
) -> None:
    with pytest.raises(ShipperError, match="an event"):
        shipper.ship_batch([event])  # type: ignore[list-item]
    assert server.requests == []


def test_values_that_json_has_no_word_for_are_sent(
    shipper: TelemetryShipper, server: AnyAnswer
) -> None:
    strange: dict[Any, Any] = {**SCAN, "half": "\ud800", "nan": float("nan"), "set": {1}, 5: object}

    assert shipper.ship_batch([scan(payload=strange)]).accepted == 1
    assert server.assert_event("scan", nan=None)["payload"]["half"] == "\\ud800"


@pytest.mark.parametrize("status", [207, 202])
def test_a_part_that_is_rejected_is_told_in_both_shapes(
    shipper: TelemetryShipper, server: AnyAnswer, status: int
) -> None:
    server.partial = 207 if status == 207 else 202
    result = shipper.ship_batch([scan(1), scan(2, payload={}), scan(3)])
    assert (result.success, result.accepted, result.rejected) == (False, 2, 1)
    (error,) = result.errors
    assert (error["event_id"], error["code"]) == ("evt_0000000000000002", "EVT_001")


def test_a_dry_run_sends_nothing_and_says_what_it_would(
    shipper_for: Shippers, server: AnyAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "telemetry_core.raxe"):
        result = shipper_for(dry_run=True).ship_batch([scan()])
    assert (result.success, server.requests) == (True, [])
    assert '"event_id":"evt_0000000000000001"' in caplog.text
    assert server.keys["ok"] not in caplog.text


def test_a_dry_run_by_variable_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAXE_TELEMETRY_DRY_RUN", "true")
    shipper = TelemetryShipper(TelemetryShipperConfig(endpoint="https://raxe.test/v1/telemetry"))
    assert shipper.ship_batch([scan()]).success


def test_figures_say_what_was_sent(shipper: TelemetryShipper) -> None:
    assert shipper.get_stats() == {
        "batches_sent": 0,
        "events_sent": 0,
        "compression_ratio": 1.0,
        "circuit_state": "closed",
    }
    shipper.ship_batch([scan(number) for number in range(100)])
    figures = shipper.get_stats()
    assert (figures["batches_sent"], figures["events_sent"]) == (1, 100)
    assert figures["compression_ratio"] > 5


def test_the_time_it_took_is_told(
    shipper: TelemetryShipper, server: AnyAnswer, clock: FakeClock
) -> None:
    shipper.ship_batch([scan(1)])
    server.slow(2)
    assert shipper.ship_batch([scan(2)]).duration_ms == 2000


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://api.raxe.ai/v1/telemetry",
        "http://localhost.evil.example/v1/telemetry",
        "ftp://localhost/v1/telemetry",
        "https://user:word@api.raxe.ai/v1/telemetry",
    ],
)
def test_a_key_goes_to_no_such_address(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        TelemetryShipper(TelemetryShipperConfig(endpoint=endpoint))
    with pytest.raises(ConfigError):
        TelemetryShipper(TelemetryShipperConfig(health_endpoint=endpoint))

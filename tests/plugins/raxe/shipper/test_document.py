"""The examples of RAXE's document, their abbreviations filled in, work as they stand there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.credential_store import CredentialStore
from telemetry_raxe.health_client import check_health
from telemetry_raxe.telemetry_shipper import (
    AuthenticationError,
    CircuitOpenError,
    DailyLimitExceededError,
    HealthCheckResult,
    PrivacyViolationError,
    RateLimitError,
    ShipperError,
    ShipResult,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from tests.plugins.raxe.shipper.conftest import SCAN, credentials_of

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers

EVENTS: list[dict[str, Any]] = [
    {"event_type": "scan", "event_id": "evt_123", "payload": SCAN},
    {
        "event_type": "heartbeat",
        "event_id": "evt_456",
        "payload": {"uptime_seconds": 60, "scans_since_last_heartbeat": 1},
    },
]


@pytest.fixture(autouse=True)
def raxe(server: AnyAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have RAXE be the fake one, for examples that name no address."""
    monkeypatch.setenv("RAXE_API_BASE", server.url)


def test_quick_start(server: AnyAnswer) -> None:
    store = CredentialStore()
    creds = store.get_or_create()
    response = check_health(creds.api_key)
    assert (response.tier, response.can_disable_telemetry) == ("temporary", False)
    shipper = TelemetryShipper(credentials=creds)
    result = shipper.ship_batch([{"event_type": "scan", "payload": SCAN}])
    assert result.accepted == len(server.events) == 1
    shipper.close()


def test_the_settings_are_those_of_the_document() -> None:
    assert TelemetryShipperConfig() == TelemetryShipperConfig(
        "https://api.raxe.ai/v1/telemetry",
        "https://api.raxe.ai/v1/health",
        timeout_seconds=30.0,
        max_retries=10,
        retry_base_delay=1.0,
        max_batch_size=100,
        compression=True,
        dry_run=False,
        circuit_failure_threshold=5,
        circuit_recovery_timeout=30.0,
        circuit_half_open_max_calls=2,
    )


def test_basic_batch_shipping(server: AnyAnswer) -> None:
    config = TelemetryShipperConfig()
    shipper = TelemetryShipper(config=config, credentials=credentials_of(server.keys["ok"]))
    result = shipper.ship_batch(EVENTS)
    assert result == ShipResult(True, 2, 0, 0, [], result.server_time, result.duration_ms)
    assert [event["event_id"] for event in server.events] == ["evt_123", "evt_456"]
    shipper.close()


def test_dry_run_mode(server: AnyAnswer) -> None:
    shipper = TelemetryShipper(config=TelemetryShipperConfig(dry_run=True))
    assert shipper.ship_batch(EVENTS).success
    assert server.requests == []


def test_handle_daily_limit(shipper_for: Shippers) -> None:
    with pytest.raises(DailyLimitExceededError) as caught:
        shipper_for("daily").ship_batch(EVENTS)
    assert caught.value.reset_at is not None
    reset_time = datetime.fromtimestamp(caught.value.reset_at, tz=UTC)
    assert reset_time == datetime(2026, 1, 2, tzinfo=UTC)


def test_monitor_circuit_breaker(shipper_for: Shippers) -> None:
    shipper = shipper_for("err", max_retries=0)
    for _ in range(5):
        assert not shipper.ship_batch(EVENTS).success
    assert shipper.get_circuit_state() == "open"
    shipper.reset_circuit()
    assert shipper.get_circuit_state() == "closed"


def test_get_shipping_statistics(shipper: TelemetryShipper) -> None:
    shipper.ship_batch(EVENTS)
    stats = shipper.get_stats()
    assert (stats["batches_sent"], stats["events_sent"]) == (1, 2)
    assert f"{stats['compression_ratio']:.2f} {stats['circuit_state']}".endswith(" closed")


def test_every_error_is_a_shipper_error() -> None:
    kinds = (
        CircuitOpenError,
        RateLimitError,
        AuthenticationError,
        PrivacyViolationError,
        DailyLimitExceededError,
    )
    assert all(issubclass(kind, ShipperError) for kind in kinds)
    assert (RateLimitError().retry_after, DailyLimitExceededError().reset_at) == (None, None)


def test_a_health_check_tells_tier_features_and_drift(
    shipper_for: Shippers, clock: FakeClock
) -> None:
    result: HealthCheckResult = shipper_for("pro").check_health(force=True)
    assert (result.tier, result.clock_drift_seconds) == ("pro", 0)
    assert result.features == {"can_disable_telemetry": True, "offline_mode": False}

"""How the key stands is asked with the first batch, believed for a day, and doubted otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.credential_store import CredentialStore
from telemetry_raxe.telemetry_shipper import (
    AuthenticationError,
    ShipperError,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from tests.plugins.raxe.shipper.conftest import credentials_of, scan

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import FakeClock
    from telemetry_raxe import Credentials

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers


def asked(server: AnyAnswer) -> int:
    return sum(request.path == "/v1/health" for request in server.requests)


def test_the_first_batch_asks_and_the_next_ones_do_not(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    shipper = shipper_for("pro")
    assert not shipper.can_disable_telemetry()
    shipper.ship_batch([scan(1)])
    shipper.ship_batch([scan(2)])
    assert [request.path for request in server.requests] == [
        "/v1/health",
        "/v1/telemetry",
        "/v1/telemetry",
    ]
    assert shipper.can_disable_telemetry()


def test_an_answer_is_believed_for_a_day(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    shipper = shipper_for("pro")
    first = shipper.check_health()
    assert shipper.check_health() is first
    assert shipper.check_health(force=True) is not first
    assert asked(server) == 2
    clock.advance(86_401)
    assert not shipper.can_disable_telemetry()
    shipper.ship_batch([scan()])
    assert asked(server) == 3
    assert shipper.can_disable_telemetry()


def test_what_is_told_of_a_key(shipper_for: Shippers, server: AnyAnswer) -> None:
    result = shipper_for("ent").check_health()
    assert (result.key_type, result.tier) == ("live", "enterprise")
    assert result.features == {"can_disable_telemetry": True, "offline_mode": True}
    assert (result.rate_limit_rpm, result.rate_limit_daily) == (2000, 1_000_000_000)
    assert (result.server_time, result.clock_drift_seconds) == ("2026-01-01T12:00:00Z", 0)
    assert result.checked_at == "2026-01-01T12:00:00.000000+00:00"


@pytest.mark.parametrize("ahead", [3 * 3600, -3 * 3600])
def test_clocks_that_differ_are_noticed(
    shipper_for: Shippers, server: AnyAnswer, ahead: int
) -> None:
    server.time.ahead = ahead
    assert shipper_for().check_health().clock_drift_seconds == ahead


def test_half_of_the_time_that_an_answer_takes_is_the_way_back(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    server.slow(6)  # all of it on the way there, which nobody can tell from half of it each way
    assert shipper_for().check_health().clock_drift_seconds == 3


@pytest.mark.parametrize(
    ("situation", "may"), [("ok", False), ("pro", True), ("ent", True), ("expired", False)]
)
def test_who_may_do_without_telemetry(shipper_for: Shippers, situation: str, may: bool) -> None:
    shipper = shipper_for(situation)
    assert shipper.refresh_permissions() is (situation != "expired")
    assert shipper.can_disable_telemetry() is may


def test_a_key_that_is_revoked_may_nothing(shipper_for: Shippers, server: AnyAnswer) -> None:
    shipper = shipper_for("pro")
    assert shipper.refresh_permissions()
    del server.accounts[server.keys["pro"]]
    assert not shipper.refresh_permissions(force=True)
    assert not shipper.can_disable_telemetry()


def test_a_service_that_is_away_takes_nothing_back(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    shipper = shipper_for("pro")
    shipper.refresh_permissions()
    server.down()
    assert not shipper.refresh_permissions(force=True)
    assert shipper.can_disable_telemetry()


def test_what_another_program_was_told_is_believed_for_a_day(
    server: AnyAnswer, clock: FakeClock
) -> None:
    told = {"can_disable_telemetry": True, "last_health_check": "2026-01-01T00:00:00Z"}
    credentials = credentials_of(server.keys["pro"], **told)
    config = TelemetryShipperConfig(endpoint=f"{server.url}/v1/telemetry")
    shipper = TelemetryShipper(config, credentials, clock=clock)
    assert shipper.can_disable_telemetry()
    clock.advance(13 * 3600)
    assert not shipper.can_disable_telemetry()
    assert server.requests == []


def test_errors_of_asking_are_those_of_shipping(shipper_for: Shippers, server: AnyAnswer) -> None:
    with pytest.raises(AuthenticationError):
        shipper_for("unknown").check_health()
    server.fail(500)
    with pytest.raises(ShipperError, match="Server error"):
        shipper_for().check_health()
    with pytest.raises(AuthenticationError, match="no key"):
        TelemetryShipper(TelemetryShipperConfig(endpoint=server.url)).check_health()


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_events_go_also_where_nobody_tells_of_the_key(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock, status: int
) -> None:
    fault = server.fail(status)
    fault.concerns = lambda exchange: exchange.request.method == "GET"  # type: ignore[method-assign]
    shipper = shipper_for()
    assert shipper.ship_batch([scan(1)]).success
    assert shipper.ship_batch([scan(2)]).success
    assert asked(server) == 1
    clock.advance(300)
    assert shipper.ship_batch([scan(3)]).success
    assert asked(server) == 2


def test_what_a_key_may_is_kept_for_other_programs(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock, tmp_path: Path
) -> None:
    store = CredentialStore(tmp_path / "credentials.json", clock=clock)
    store.save(credentials_of(server.keys["pro"]))
    shipper_for("pro", store=store).ship_batch([scan()])
    kept = store.load()
    assert kept is not None
    assert (kept.tier, kept.can_disable_telemetry) == ("pro", True)
    assert kept.last_health_check == "2026-01-01T12:00:00Z"


def test_what_one_key_may_is_not_kept_of_another(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock, tmp_path: Path
) -> None:
    store = CredentialStore(tmp_path / "credentials.json", clock=clock)
    store.save(credentials_of(server.keys["ok"]))
    shipper_for("pro", store=store).ship_batch([scan()])
    kept = store.load()
    assert kept is not None
    assert (kept.tier, kept.can_disable_telemetry) == ("community", False)


class Overtaken(CredentialStore):
    """A store whose file gets another key right after it is read."""

    other: str

    def load(self) -> Credentials | None:
        kept = super().load()
        self.upgrade_key(self.other, "live")
        return kept


def test_what_a_key_may_is_not_kept_of_one_that_replaces_it_meanwhile(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock, tmp_path: Path
) -> None:
    store = Overtaken(tmp_path / "credentials.json", clock=clock)
    store.save(credentials_of(server.keys["pro"]))
    store.other = server.keys["ok2"]
    shipper_for("pro", store=store).ship_batch([scan()])
    kept = CredentialStore(store.path).load()
    assert kept is not None
    assert (kept.api_key, kept.can_disable_telemetry) == (server.keys["ok2"], False)


def where(**settings: Any) -> tuple[str, str]:
    from telemetry_raxe.endpoints import endpoints

    from telemetry_core import Environment

    config = TelemetryShipperConfig(**settings)
    return endpoints(config.endpoint, config.health_endpoint, Environment())


def test_a_key_is_asked_about_where_it_is_used() -> None:
    assert where() == ("https://api.raxe.ai/v1/telemetry", "https://api.raxe.ai/v1/health")
    beside = ("http://127.0.0.1:9/v1/telemetry", "http://127.0.0.1:9/v1/health")
    assert where(endpoint="http://127.0.0.1:9") == beside
    assert where(endpoint="http://127.0.0.1:9/v1/telemetry/") == beside
    assert where(health_endpoint="http://[::1]:9/v1/health") == (
        "https://api.raxe.ai/v1/telemetry",
        "http://[::1]:9/v1/health",
    )


def test_variables_say_where_raxe_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAXE_API_BASE", "http://localhost:7")
    assert where() == ("http://localhost:7/v1/telemetry", "http://localhost:7/v1/health")
    monkeypatch.setenv("RAXE_HEALTH_ENDPOINT", "http://localhost:8/v1/health")
    assert where()[1] == "http://localhost:8/v1/health"

"""What each key of the fake RAXE is told, and the examples of RAXE's document, against the fake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import RaxeServer
from telemetry_raxe.credential_store import CredentialStore
from telemetry_raxe.health_client import (
    AuthenticationError,
    HealthCheckError,
    NetworkError,
    ServerError,
    TimeoutError,  # noqa: A004 - the name that the documents give it
    check_health,
    check_health_async,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import FakeClock


@pytest.fixture
def raxe() -> Iterator[RaxeServer]:
    """A RAXE at its own address."""
    server = RaxeServer()
    with server.mounted("https://api.raxe.ai"):
        yield server


@pytest.mark.parametrize(
    ("situation", "error", "words"),
    [
        ("unknown", AuthenticationError, "key"),
        ("expired", AuthenticationError, "Get a new key at: https://"),
        ("rate", HealthCheckError, "HTTP 429"),
        ("err", ServerError, "HTTP 503"),
    ],
)
def test_a_situation_that_is_an_error_is_told_apart(
    raxe: RaxeServer, situation: str, error: type[HealthCheckError], words: str
) -> None:
    with pytest.raises(HealthCheckError, match=words) as refused:
        check_health(raxe.keys[situation])
    assert type(refused.value) is error
    assert raxe.keys[situation] not in str(refused.value)


def test_a_service_that_answers_too_late_is_a_timeout(telemetry_raxe_server: RaxeServer) -> None:
    server = telemetry_raxe_server
    with pytest.raises(TimeoutError):
        check_health(server.keys["slow"], endpoint=server.url, timeout=0.1)


def test_a_flaky_service_is_asked_again_by_who_wants_to(raxe: RaxeServer) -> None:
    with pytest.raises(HealthCheckError, match="HTTP 429"):
        check_health(raxe.keys["flaky"])
    assert check_health(raxe.keys["flaky"]).tier == "community"


@pytest.mark.parametrize(
    ("situation", "tier", "rpm", "may_disable", "offline"),
    [
        ("ok", "community", 100, False, False),
        ("telreq", "community", 100, False, False),
        ("pro", "pro", 500, True, False),
        ("ent", "enterprise", 2_000, True, True),
    ],
)
def test_a_tier_is_told_with_its_limits_and_permissions(
    raxe: RaxeServer, situation: str, tier: str, rpm: int, may_disable: bool, offline: bool
) -> None:
    found = check_health(raxe.keys[situation])
    assert (found.key_type, found.tier, found.rate_limit_rpm) == ("live", tier, rpm)
    assert (found.can_disable_telemetry, found.offline_mode) == (may_disable, offline)


def test_a_day_that_is_used_up_is_told(raxe: RaxeServer) -> None:
    found = check_health(raxe.keys["daily"])
    assert (found.events_today, found.events_remaining) == (found.rate_limit_daily, 0)


def test_a_clock_three_hours_off_does_not_make_an_answer_stale(
    telemetry_raxe_server: RaxeServer, telemetry_clock: FakeClock, store: CredentialStore
) -> None:
    server = telemetry_raxe_server
    store.get_or_create()
    for ahead in (3 * 3600.0, -3 * 3600.0):
        server.time.ahead = ahead
        found = check_health(server.keys["pro"], endpoint=server.url, clock=telemetry_clock)
        told = store.update_from_health(vars(found))
        assert told
        assert told.last_health_check == found.server_time
        assert not told.is_health_check_stale(clock=telemetry_clock)


# -- the examples of the document, their abbreviations filled in


def test_quick_start(raxe: RaxeServer) -> None:
    store = CredentialStore()
    creds = store.get_or_create()
    response = check_health(creds.api_key)
    assert response.tier == "temporary"
    assert response.can_disable_telemetry is False
    assert len(raxe.requests) == 1


def test_basic_health_check(raxe: RaxeServer) -> None:
    response = check_health(raxe.keys["ok"])
    assert response.tier == "community"
    assert response.events_today == 0
    assert response.events_remaining == 100_000


def test_check_feature_availability(raxe: RaxeServer) -> None:
    response = check_health(raxe.keys["ent"])
    assert response.can_disable_telemetry
    assert response.offline_mode


def test_handle_errors(raxe: RaxeServer) -> None:
    def said(api_key: str) -> str:
        try:
            response = check_health(api_key)
        except AuthenticationError as e:
            return f"Invalid key: {e}"
        except NetworkError as e:
            return f"Network error: {e}"
        except TimeoutError as e:
            return f"Timeout: {e}"
        return response.tier

    assert said(raxe.keys["unknown"]).startswith("Invalid key: ")
    assert said(raxe.keys["pro"]) == "pro"
    raxe.down()
    assert said(raxe.keys["pro"]).startswith("Network error: ")


def test_async_version(raxe: RaxeServer) -> None:
    async def main() -> str:
        response = await check_health_async(raxe.keys["ok"])
        return response.tier

    assert asyncio.run(main()) == "community"


def test_check_permissions(raxe: RaxeServer) -> None:
    store = CredentialStore()
    store.upgrade_key(raxe.keys["pro"], "live")
    creds = store.load()
    assert creds
    assert not creds.can_disable_telemetry
    store.update_from_health(vars(check_health(creds.api_key)))
    creds = store.load()
    assert creds
    assert creds.can_disable_telemetry

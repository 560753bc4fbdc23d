"""What a tier may send is counted on this side too, by the service's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_raxe.limits import TIERS, Limits
from telemetry_raxe.telemetry_shipper import DailyLimitExceededError, RateLimitError

from tests.plugins.raxe.shipper.conftest import scan

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers

MIDNIGHT = 1_767_312_000


@pytest.mark.parametrize("tier", [*TIERS, "test"])
def test_a_minute_has_as_many_requests_as_the_tier_allows(tier: str, clock: FakeClock) -> None:
    limits = Limits(clock, tier)
    allowed = TIERS[tier].requests_per_minute if tier in TIERS else 3000
    for _ in range(allowed):
        limits.admit()
    if tier == "test":  # nobody said how much that is
        return
    clock.advance(15)
    with pytest.raises(RateLimitError) as caught:
        limits.admit()
    assert (caught.value.retry_after, caught.value.status) == (45, None)
    clock.advance(45)
    limits.admit()


@pytest.mark.parametrize("tier", [*TIERS])
def test_a_day_has_as_many_events_as_the_tier_allows(tier: str, clock: FakeClock) -> None:
    limits = Limits(clock, tier)
    most = TIERS[tier].events_per_day
    limits.accepted((most or 10**12) - 1)
    limits.admit()
    limits.accepted(1)
    if most is None:
        limits.admit()
        return
    with pytest.raises(DailyLimitExceededError) as caught:
        limits.admit()
    assert caught.value.reset_at == MIDNIGHT
    clock.advance(MIDNIGHT - clock.time_ns() // 10**9)
    limits.admit()


@pytest.mark.parametrize("drift", [3 * 3600.0, -3 * 3600.0])
def test_a_day_is_over_when_the_service_says_so(clock: FakeClock, drift: float) -> None:
    limits = Limits(clock, "community")
    limits.told("community", 0, 10, 10, drift)
    with pytest.raises(DailyLimitExceededError) as caught:
        limits.admit()
    assert caught.value.reset_at == MIDNIGHT
    assert limits.ours(MIDNIGHT) == (MIDNIGHT - drift) * 10**9
    clock.advance(12 * 3600 - drift - 1)
    with pytest.raises(DailyLimitExceededError):
        limits.admit()
    clock.advance(1)
    limits.admit()


def test_the_service_says_what_a_key_may(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    server.accounts[server.keys["ok"]].requests_per_minute = 4
    server.accounts[server.keys["ok"]].events_per_day = 3
    shipper = shipper_for()
    shipper.ship_batch([scan(1), scan(2), scan(3)])
    with pytest.raises(DailyLimitExceededError) as caught:
        shipper.ship_batch([scan(4)])
    assert (caught.value.reset_at, caught.value.status, server.posts) == (MIDNIGHT, None, 1)


def test_nothing_is_tried_before_the_day_is_over(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    shipper = shipper_for("daily")
    for _ in range(3):
        with pytest.raises(DailyLimitExceededError) as caught:
            shipper.ship_batch([scan()])
        assert caught.value.reset_at == MIDNIGHT
    assert server.posts <= 1
    clock.advance(12 * 3600)
    assert shipper.ship_batch([scan()]).accepted == 1


def test_what_the_service_alone_knows_is_remembered(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    server.say({"code": "DAILY_LIMIT_001", "details": {"reset_at": MIDNIGHT - 3600}}, 403)
    shipper = shipper_for()
    for _ in range(2):
        with pytest.raises(DailyLimitExceededError) as caught:
            shipper.ship_batch([scan()])
        assert caught.value.reset_at == MIDNIGHT - 3600
    assert server.posts == 1
    server.answer = None
    clock.advance(11 * 3600)
    assert shipper.ship_batch([scan()]).success


def test_a_limit_that_was_raised_is_believed_when_asked_for(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    shipper = shipper_for("daily")
    with pytest.raises(DailyLimitExceededError):
        shipper.ship_batch([scan()])
    server.accounts[server.keys["daily"]].events_per_day *= 2
    assert shipper.refresh_permissions(force=True)
    assert shipper.ship_batch([scan()]).success

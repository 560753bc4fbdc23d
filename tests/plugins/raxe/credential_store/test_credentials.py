"""How old credentials are, to the second, also by times that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.credential_store import Credentials

from telemetry_core import iso8601
from tests.plugins.raxe.keys_for_tests import LIVE, TEMP

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock

HOUR = 3600
DAY = 24 * HOUR


def credentials(**said: Any) -> Credentials:
    defaults = {
        "api_key": TEMP,
        "key_type": "temporary",
        "installation_id": "inst_0123456789abcdef",
        "created_at": "2026-01-01T00:00:00Z",
        "expires_at": None,
        "first_seen_at": None,
    }
    return Credentials(**{**defaults, **said})


def later(clock: FakeClock, seconds: float) -> str:
    return iso8601(clock.time_ns() + int(seconds * 10**9))


@pytest.mark.parametrize("expiry", [None, "", "soon", "2026-13-01", "0"])
def test_without_a_time_that_can_be_read_nothing_expires(expiry: str | None) -> None:
    kept = credentials(expires_at=expiry)
    assert not kept.is_expired()
    assert (kept.days_until_expiry(), kept.days_since_expiry()) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(14 * DAY, 14), (13 * DAY + 1, 14), (13 * DAY, 13), (1, 1), (DAY, 1), (0, 0), (-9 * DAY, 0)],
)
def test_a_day_that_has_begun_counts_as_left(clock: FakeClock, seconds: int, left: int) -> None:
    kept = credentials(expires_at=later(clock, seconds))
    assert kept.days_until_expiry(clock=clock) == left


@pytest.mark.parametrize(
    ("seconds", "since"), [(-1, 0), (-DAY + 1, 0), (-DAY, 1), (-3 * DAY - 5, 3), (5 * DAY, 0)]
)
def test_only_full_days_count_as_past(clock: FakeClock, seconds: int, since: int) -> None:
    kept = credentials(expires_at=later(clock, seconds))
    assert kept.days_since_expiry(clock=clock) == since


@pytest.mark.parametrize(("seconds", "expired"), [(1, False), (0, True), (-1, True)])
def test_a_key_expires_at_its_second(clock: FakeClock, seconds: int, expired: bool) -> None:
    assert credentials(expires_at=later(clock, seconds)).is_expired(clock=clock) is expired


def test_without_a_clock_it_is_the_machines_own() -> None:
    assert credentials(expires_at="2000-01-01T00:00:00Z").is_expired()
    assert not credentials(expires_at="2999-01-01T00:00:00Z").is_expired()


@pytest.mark.parametrize(
    ("seconds", "stale"),
    [
        (0, False),
        (-24 * HOUR, False),
        (-24 * HOUR - 1, True),
        (3 * HOUR, False),  # a server whose clock is ahead
        (25 * HOUR, True),
    ],
)
def test_what_was_asked_a_day_ago_has_to_be_asked_again(
    clock: FakeClock, seconds: int, stale: bool
) -> None:
    kept = credentials(last_health_check=later(clock, seconds))
    assert kept.is_health_check_stale(clock=clock) is stale


@pytest.mark.parametrize("checked", [None, "", "yesterday"])
def test_what_was_never_asked_has_to_be_asked(checked: str | None) -> None:
    assert credentials(last_health_check=checked).is_health_check_stale()


def test_how_old_an_answer_may_be_is_the_callers_choice(clock: FakeClock) -> None:
    kept = credentials(last_health_check=later(clock, -2 * HOUR))
    assert kept.is_health_check_stale(1, clock=clock)
    assert not kept.is_health_check_stale(max_age_hours=3, clock=clock)


def test_only_a_temporary_key_is_temporary() -> None:
    assert credentials().is_temporary()
    assert not credentials(api_key=LIVE, key_type="live").is_temporary()

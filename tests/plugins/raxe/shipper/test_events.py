"""Each event has a type, a priority that follows from it, and an id that stays."""

from __future__ import annotations

from typing import Any

import pytest
from telemetry_raxe.event_types import EVENT_TYPES, priority_of
from telemetry_raxe.events import new_event, wire_id

CRITICAL = {
    "installation",
    "activation",
    "session_end",
    "error",
    "key_upgrade",
    "team_invite",
    "agent_status_change",
}


@pytest.mark.parametrize("event_type", [*EVENT_TYPES, "page.fetched"])
def test_a_type_has_a_priority(event_type: str) -> None:
    wanted = "critical" if event_type in CRITICAL else "standard"
    assert priority_of(event_type, {}) == wanted


@pytest.mark.parametrize(
    ("payload", "priority"),
    [
        ({"highest_severity": "high"}, "critical"),
        ({"highest_severity": "CRITICAL"}, "critical"),
        ({"severity": "high"}, "critical"),
        ({"highest_severity": "medium", "threat_detected": True}, "standard"),
        ({"highest_severity": None}, "standard"),
        ({"highest_severity": 3}, "standard"),
        ({"l1": {}, "threat_detected": True, "highest_severity": "low"}, "critical"),
        ({"l2": None, "threat_detected": True}, "critical"),
        ({"l1": {}, "threat_detected": False, "highest_severity": "high"}, "standard"),
    ],
)
def test_a_scan_is_critical_by_what_it_found(payload: dict[str, Any], priority: str) -> None:
    assert priority_of("scan", payload) == priority


@pytest.mark.parametrize(
    ("final", "priority"), [(True, "critical"), (False, "standard"), ("false", "standard")]
)
def test_a_change_is_critical_when_it_is_the_last_word(final: object, priority: str) -> None:
    assert priority_of("config_changed", {"is_final_event": final}) == priority


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0198c1f0-7a2b-7000-8000-0123456789ab", "evt_0198c1f07a2b700080000123456789ab"),
        ("evt_0123456789abcdef", "evt_0123456789abcdef"),
        ("abc123", "evt_abc123"),
    ],
)
def test_an_id_of_ours_has_one_at_raxe(ours: str, theirs: str) -> None:
    assert wire_id(ours) == theirs


@pytest.mark.parametrize("ours", ["", "evt_", "two words", "ümläut", "evt_a\n", "\ud800"])
def test_an_id_that_raxe_has_no_place_for_becomes_one_of_its_own(ours: str) -> None:
    assert wire_id(ours) == wire_id(ours)
    assert wire_id(ours).removeprefix("evt_").isalnum()
    assert wire_id(ours).isascii()


def test_an_event_by_hand() -> None:
    event = new_event("heartbeat", {"uptime_seconds": 1}, time_ns=0, team_id="t-1")
    assert event.pop("event_id").startswith("evt_")
    assert event == {
        "event_type": "heartbeat",
        "priority": "standard",
        "payload": {"uptime_seconds": 1},
        "timestamp": "1970-01-01T00:00:00.000000+00:00",
        "retry_count": 0,
        "team_id": "t-1",
    }

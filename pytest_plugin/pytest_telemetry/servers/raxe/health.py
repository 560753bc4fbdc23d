"""What a key is told of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.times import told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_telemetry.servers.raxe.accounts import Account
    from pytest_telemetry.servers.raxe.events import Event

_API_VERSION = "1.0.0"


def health(account: Account, events: Iterable[Event]) -> dict[str, Any]:
    """Return the answer to who asks for the health of the service.

    :param events: those that came by this key.
    """
    return {
        "status": "healthy",
        "server_time": account.time.now(),
        "api_version": _API_VERSION,
        "key": {
            "key_id": account.key_id,
            "type": account.type,
            "tier": account.tier,
            "created_at": told(account.created_at),
            "rate_limit": {
                "requests_per_minute": account.requests_per_minute,
                "events_per_day": account.events_per_day,
            },
            "features": {
                "can_disable_telemetry": account.can_disable_telemetry,
                "offline_mode": account.offline_mode,
            },
            "usage_today": {
                "events_sent": account.events_today,
                "events_remaining": max(account.events_per_day - account.events_today, 0),
            },
            **_trial(account, events),
        },
    }


def _trial(account: Account, events: Iterable[Event]) -> dict[str, Any]:
    """Return what only a key with an end has: a client takes no null for it."""
    if account.expires_at is None:
        return {}
    scans = [event["payload"] for event in events if event["event_type"] == "scan"]
    return {
        "expires_at": told(account.expires_at),
        "trial_status": {
            "is_trial": True,
            "days_remaining": account.days_left,
            "scans_during_trial": len(scans),
            "threats_detected_during_trial": sum(bool(s["threat_detected"]) for s in scans),
        },
    }

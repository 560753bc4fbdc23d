"""The types of events that RAXE knows, and which of them are critical."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CRITICAL, STANDARD = "critical", "standard"

_ALWAYS_CRITICAL = (
    "installation",
    "activation",
    "session_end",
    "error",
    "key_upgrade",
    "team_invite",
    "agent_status_change",
)
_ALWAYS_STANDARD = ("session_start", "performance", "feature_usage", "heartbeat")
EVENT_TYPES = (*_ALWAYS_CRITICAL, *_ALWAYS_STANDARD, "scan", "config_changed")

_GRAVE = frozenset({"high", "critical"})
_LAYERS = ("l1", "l2")  # a scan that tells of them is critical with any threat


def priority_of(event_type: str, payload: Mapping[str, Any]) -> str:
    """Return whether an event is critical or standard; one of no known type is standard."""
    if event_type == "scan":
        critical = _is_grave(payload)
    elif event_type == "config_changed":
        critical = payload.get("is_final_event") is True
    else:
        critical = event_type in _ALWAYS_CRITICAL
    return CRITICAL if critical else STANDARD


def _is_grave(scan: Mapping[str, Any]) -> bool:
    if any(layer in scan for layer in _LAYERS):
        return scan.get("threat_detected") is True
    severity = scan.get("highest_severity", scan.get("severity"))
    return isinstance(severity, str) and severity.lower() in _GRAVE

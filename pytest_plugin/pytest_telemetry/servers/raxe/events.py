"""What an event must have, by its type."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    Event: TypeAlias = dict[str, Any]

_NEEDED = {
    "installation": "installation_id client_version python_version platform install_method "
    "acquisition_source",
    "activation": "feature seconds_since_install",
    "session_start": "session_id session_number",
    "session_end": "session_id duration_seconds scans_in_session threats_in_session",
    "scan": "prompt_hash threat_detected scan_duration_ms",
    "error": "error_type error_code component",
    "performance": "period_start period_end scan_count",
    "feature_usage": "feature action",
    "heartbeat": "uptime_seconds scans_since_last_heartbeat",
    "key_upgrade": "previous_key_type new_key_type",
    "config_changed": "changed_via changes",
    "team_invite": "inviter_installation_id invitee_email_hash org_id team_id role invite_method",
    "agent_status_change": "agent_id previous_status new_status reason",
}
NEEDED = {kind: names.split() for kind, names in _NEEDED.items()}
_ID = re.compile(r"evt_[a-zA-Z0-9]+")
_LONGEST_NAME = 100


def problem_of(event: Event) -> str:
    """Return what is wrong with an event, if anything is; more than is needed never is."""
    kind = event.get("event_type")
    if not isinstance(kind, str) or kind not in NEEDED:
        return "event_type is none of the known ones"
    if not _ID.fullmatch(event["event_id"]):
        return "event_id does not match ^evt_[a-zA-Z0-9]+$"
    if event.get("priority") not in ("critical", "standard"):
        return "priority is neither critical nor standard"
    if not is_moment(event.get("timestamp")):
        return "timestamp is no date-time"
    for name in ("org_id", "team_id"):
        given = event.get(name, "")
        if not isinstance(given, str) or len(given) > _LONGEST_NAME:
            return f"{name} is no text of at most {_LONGEST_NAME} characters"
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return "payload is no object"
    missing = [name for name in NEEDED[kind] if name not in payload]
    return f"payload.{missing[0]} is missing" if missing else ""


def is_moment(value: Any) -> bool:
    """Tell whether a value is a date with a time and an offset, in ISO 8601."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False

"""Whether telemetry may be switched off with a key, and the event that says that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core import Health
from telemetry_raxe.shipper_errors import ShipperError

if TYPE_CHECKING:
    from telemetry_raxe.telemetry_shipper import TelemetryShipper

FINAL_EVENT: tuple[str, dict[str, Any]] = (
    "config_changed",
    {
        "changed_via": "cli",
        "changes": [{"key": "telemetry.enabled", "old_value": True, "new_value": False}],
        "is_final_event": True,
    },
)
_WAYS_OUT = "`active`, DO_NOT_TRACK and TELEMETRY_DISABLED silence it with any key"


def allowed(shipper: TelemetryShipper) -> Health:
    """Ask whether the key allows it; where nobody answers, what was said within a day counts."""
    tier = ""
    problem = "it was not said within a day"
    try:
        tier = shipper.check_health(force=True).tier
    except ShipperError as error:
        problem = str(error)
    if shipper.can_disable_telemetry():
        return Health(ok=True)
    if tier:
        why = f"the tier {tier} requires telemetry; pro and enterprise do not"
    else:
        why = f"whether the key allows it is not known: {problem}"
    return Health(ok=False, message=f"{why}; {_WAYS_OUT}")

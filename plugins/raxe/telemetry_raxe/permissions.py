"""What a key is allowed, as the health of the service tells it in either of its two shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_SAID = ("", "unknown")


def permissions_in(said: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the fields of the credentials that an answer sets.

    What is not plainly allowed is not allowed; a tier that is not said stays as it is.

    :param said: what the service answers, or the same by the names of `HealthResponse`.
    """
    flat = _flat(said) if "key" in said else said
    told: dict[str, Any] = {
        "can_disable_telemetry": flat.get("can_disable_telemetry") is True,
        "offline_mode": flat.get("offline_mode") is True,
        "last_health_check": _text(flat, "server_time") or now,
    }
    told |= {
        name: text for name in ("tier", "first_seen_at") if (text := _text(flat, name)) is not None
    }
    return told


def _flat(said: Mapping[str, Any]) -> dict[str, Any]:
    key = _section(said, "key")
    return {**key, **_section(key, "features"), "server_time": said.get("server_time")}


def _section(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = said.get(name)
    return section if isinstance(section, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value not in _NOT_SAID else None

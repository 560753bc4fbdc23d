"""How a sink stands as the disk tells it: what programs left in `base_dir`, and what waits there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.cli.places import dead_letters_of, folders_of, state_of
from telemetry_core.clock import NS_PER_SECOND, SystemClock, iso8601
from telemetry_core.delivery.state import Saved, fingerprint
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from telemetry_core.cli.sinks import SinkView
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.spool.survey import FolderView
    from telemetry_core.delivery.state import Pause
    from telemetry_core.plugin import Plugin

WELL: dict[str, Any] = {
    "circuit": "closed",
    "retry_in": None,
    "paused": False,
    "paused_until": None,
    "last_error": None,
}
_SECONDS_OF_A_YEAR = 365 * 86_400


def sink_standing(config: TelemetryConfig, name: str) -> dict[str, Any]:
    """Return how one sink stands, active or not, what waits for it in each lane, what it refused."""
    from attrs import evolve

    from telemetry_core.cli.sinks import SinkView, active_sinks

    active = tuple(sink for sink in config.active if sink == name)
    with active_sinks(evolve(config, active=active)) as views:
        view = views[0] if views else SinkView(name, "not active")
        found = as_seen(config, view)
    lanes = {lane.value: _lane(name, lane, folders_of(config)) for lane in Lane}
    buried = dead_letters_of(config).count().get(name, 0)
    return {"sink": name, **found, "lanes": lanes, "dead_letters": buried}


def _lane(name: str, lane: Lane, folders: list[FolderView]) -> dict[str, Any]:
    backlogs = [view.waiting[name].lanes[lane] for view in folders if name in view.waiting]
    times = [backlog.oldest_ns for backlog in backlogs if backlog.oldest_ns is not None]
    count = sum(backlog.records for backlog in backlogs)
    return {"count": count, "oldest": iso8601(min(times)) if times else None}


def as_seen(config: TelemetryConfig, view: SinkView) -> dict[str, Any]:
    """Return the state of an active plugin, and whether it is left alone."""
    built = view.plugin is not None and view.plugin.instance is not None
    return {
        "state": view.state,
        "why": view.why,
        **(standing(config, view.plugin) if built and view.plugin is not None else WELL),
    }


def standing(config: TelemetryConfig, plugin: Plugin) -> dict[str, Any]:
    """Return whether a sink that is built is left alone, as far as that still holds, and why."""
    key = fingerprint(plugin.destination(), plugin.instance)
    return told(state_of(config, plugin.name).load(key))


def told(saved: Saved) -> dict[str, Any]:
    """Return what was saved as commands tell it; `why` only where the sink is left alone."""
    found = WELL | {"last_error": saved.last_error or None}
    if saved.circuit.get("state", "closed") != "closed":
        found |= {
            "circuit": str(saved.circuit["state"]),
            "retry_in": round(float(saved.circuit["retry_in"]), 1),
            "why": f"it failed {saved.circuit['failures']} times in a row",
        }
    if saved.pause is not None and saved.pause.seconds > 0:
        said = ": ".join(part for part in (saved.pause.code, saved.pause.reason) if part)
        found |= {"paused": True, "paused_until": _until(saved.pause)}
        found |= {"why": said} if said else {}
    return found


def left_alone(found: dict[str, Any]) -> bool:
    """Whether a sink is paused or its circuit is not closed."""
    return bool(found["paused"]) or found["circuit"] != "closed"


def _until(pause: Pause) -> str | None:
    """Return the end of a pause; nothing when it lasts until somebody ends it."""
    if pause.seconds >= _SECONDS_OF_A_YEAR:
        return None
    return iso8601(SystemClock.time_ns() + round(pause.seconds * NS_PER_SECOND))

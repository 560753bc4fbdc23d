"""How a record that waits or was refused reads, for programs and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.cli.words import flat
from telemetry_core.clock import iso8601
from telemetry_core.models import RunEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.records import Record

_EVENT_FIELDS = ("event_type", "run_id", "distinct_id", "payload", "context")


def as_json(record: Record) -> dict[str, Any]:
    """Return a record with everything it says, but for what was never filled in."""
    body = record.body
    if isinstance(body, RunEvent):
        told = {name: getattr(body, name) for name in _EVENT_FIELDS}
    else:
        told = body.to_dict()
    return {
        "id": record.id,
        "kind": record.kind.value,
        "time": iso8601(record.time_ns),
        "lane": record.lane.value,
        **{name: value for name, value in told.items() if value not in (None, "", 0)},
    }


def brief(record: Record) -> str:
    """Return in a few words what a record tells: `event page_fetched`, `end_run crawler · nightly`."""
    body = record.body
    if isinstance(body, RunEvent):
        return f"event {body.event_type}"
    return f"{record.kind.value} {body.agent_name} · {body.job_type}"


def facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the lines in which people read what `as_json` returned, a payload key by key."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", flat(part) or str(part)) for key, part in value.items())
        else:
            yield name, flat(value) or str(value)

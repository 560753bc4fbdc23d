"""How a folder of the spool reads, wherever one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.clock import iso8601

if TYPE_CHECKING:
    from telemetry_core.delivery.spool.survey import FolderView


def told(view: FolderView) -> dict[str, Any]:
    """Return for programs what is known of a folder."""
    oldest = oldest_of(view)
    return {
        "folder": view.path.name,
        "path": str(view.path),
        "service": view.service,
        "pid": view.pid,
        "alive": view.alive,
        "owed": list(view.owed),
        "pending": {sink: backlog.records for sink, backlog in view.waiting.items()},
        "oldest": None if oldest is None else iso8601(oldest),
        "bytes": view.bytes,
        "written": iso8601(view.changed_ns) if view.changed_ns else None,
        "problem": view.problem or None,
    }


def oldest_of(view: FolderView) -> int | None:
    """Return the time of the oldest record that waits; nothing where none does."""
    times = (backlog.oldest_ns for backlog in view.waiting.values())
    return min((time for time in times if time is not None), default=None)

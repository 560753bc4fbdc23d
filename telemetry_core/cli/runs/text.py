"""How what is known of a run reads to people, wherever runs are shown."""

from __future__ import annotations

from typing import Any

from telemetry_core.cli.words import duration

STYLES = {
    "success": "green",
    "failure": "red",
    "timeout": "red",
    "cancelled": "yellow",
    "partial": "magenta",
    "running": "cyan",
}
_COUNTS = ("discovered", "succeeded", "failed", "skipped")


def styled_status(status: str) -> tuple[str, str]:
    """Return a run's status in its colour."""
    return (status, STYLES.get(status, ""))


def took(run: dict[str, Any]) -> str:
    """Return how long a run took; nobody knows it of one that never said its end."""
    return duration(run["duration_ms"]) if run["end_time"] and not run["inferred"] else ""


def items(run: dict[str, Any]) -> str:
    """Return a run's counts that are not zero."""
    counted = ((run[f"items_{name}"], name) for name in _COUNTS)
    return ", ".join(f"{number:,} {name}" for number, name in counted if number)

"""Days and hours between now and the times that stand in the credentials."""

from __future__ import annotations

from telemetry_core import iso8601, parse_iso8601

DAY = 86_400 * 10**9
HOUR = 3_600 * 10**9


def to_the_second(time_ns: int) -> str:
    """Write a time as RAXE does: `2026-11-21T08:30:00Z`."""
    return f"{iso8601(time_ns)[:19]}Z"


def read_time(text: str | None) -> int | None:
    """Return a time in nanoseconds, or nothing for one that is missing or cannot be read."""
    try:
        return None if text is None else parse_iso8601(text)
    except (ValueError, TypeError, OverflowError):
        return None


def days_until(then: int, now: int) -> int:
    """Return the days until a time, a begun one counting in full: 14 for a key made just now."""
    return max(0, -((now - then) // DAY))


def ago(days: int) -> str:
    """Say how many full days something is past."""
    return {0: "today", 1: "1 day ago"}.get(days, f"{days} days ago")


def days_since(then: int, now: int) -> int:
    """Return the full days since a time, none before it."""
    return max(0, (now - then) // DAY)

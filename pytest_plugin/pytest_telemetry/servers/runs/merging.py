"""Joins what is told of a run twice, by the rule that every store follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry_core import RUN_FIELDS, parse_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Run: TypeAlias = Mapping[str, Any]

# What is said of an end belongs together, and comes from one of the two.
_END = ("status", "end_time", "duration_ms", "error_summary", "error_details", "inferred")


def merged(old: Run, new: Run) -> dict[str, Any]:
    """Return what is known of a run when this is told of it after that, or that after this."""
    later, earlier = (new, old) if _age(new) > _age(old) else (old, new)
    ends = [run for run in (old, new) if run["status"] != "running"]
    end = min(ends, key=_worth, default=later)
    run = {name: later[name] if later[name] is not None else earlier[name] for name in later}
    run.update({name: end[name] for name in _END})
    # What only a store knows is never taken back.
    run["api_posted"] = old["api_posted"] or new["api_posted"]
    run["api_posted_at"] = old["api_posted_at"] or new["api_posted_at"]
    run["api_retry_count"] = max(old["api_retry_count"], new["api_retry_count"])
    return run


def _age(run: Run) -> tuple[Any, ...]:
    ended = run["status"] != "running"
    # The last makes no sense but one: whichever arrives first, the same of the two is the later.
    whole = json.dumps({name: run[name] for name in RUN_FIELDS}, separators=(",", ":"))
    return (run["revision"], ended, not run["inferred"], run["updated_at"] or "", whole)


def _worth(run: Run) -> tuple[Any, ...]:
    """Order ends: explicit ones, with a time, the earliest of these."""
    at = run["end_time"]
    return (run["inferred"], at is None, _instant(at), *(str(run[name]) for name in _END))


def _instant(text: str | None) -> float:
    try:
        return parse_iso8601(text or "")
    except ValueError:
        return float("inf")

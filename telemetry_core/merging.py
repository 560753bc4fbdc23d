"""The one rule by which every store of ours joins what it is told of a run."""

from __future__ import annotations

from attrs import evolve

from telemetry_core.clock import parse_iso8601
from telemetry_core.models import END_FIELDS, RUN_FIELDS, RunRecord


def merge_runs(old: RunRecord, new: RunRecord) -> RunRecord:
    """Return what a store keeps of a run when a further record of it arrives.

    An end beats running, an explicit end beats an inferred one, the first explicit end stays;
    every other field comes from the higher revision, and what that leaves null from the other.
    The order in which the records of a run arrive makes no difference, nor does a second arrival.
    """
    base, other = (new, old) if _is_later(new, old) else (old, new)
    end = min(old, new, key=_end_order) if old.ended or new.ended else base
    changes = {
        name: getattr(other, name)
        for name in RUN_FIELDS
        if getattr(base, name) is None and name not in END_FIELDS
    }
    changes.update((name, getattr(end, name)) for name in END_FIELDS)
    return evolve(base, **changes)


def _is_later(one: RunRecord, other: RunRecord) -> bool:
    """Order by revision; what shares one is ordered by anything that both stores would see."""
    first, second = (
        (run.revision, run.ended, not run.inferred, run.updated_at or "") for run in (one, other)
    )
    if first != second:
        return first > second
    return one != other and one.to_json() > other.to_json()


def _end_order(run: RunRecord) -> tuple[object, ...]:
    """Order ends by what they say of themselves alone: a merged record keeps nothing else."""
    return (
        not run.ended,
        run.inferred,
        run.end_time is None,
        _moment(run.end_time),
        *(str(getattr(run, name)) for name in END_FIELDS),
    )


def _moment(text: str | None) -> float:
    try:
        return parse_iso8601(text or "")
    except ValueError:
        return float("inf")

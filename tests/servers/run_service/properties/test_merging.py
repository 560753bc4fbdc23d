"""What is known of a run is the same in whatever order it was told, and however often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.run_service.asking import run
from tests.servers.run_service.properties.model import arrivals, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.run_service.asking import Asked

WORDS = {"product": "p", "host": "h", "output_summary": "o", "git_repo": "r", "insight_id": "i"}
COUNTS = {"items_succeeded": 3, "items_failed": 1}
ENDS = (  # the first one by its time comes first here
    {"status": "failure", "end_time": "2026-01-31T10:00:00+00:00", "error_summary": "it broke"},
    {"status": "success", "end_time": "2026-01-31T11:30:00+01:00", "duration_ms": 5},
    {"status": "timeout", "end_time": "2026-01-31T08:00:00-03:00", "error_details": "too late"},
)
NO_END = {"status": "running", "end_time": None, "error_summary": None, "error_details": None}
PARTS = st.fixed_dictionaries(
    {
        "words": st.sets(st.sampled_from(sorted(WORDS))),
        "end": st.none() | st.sampled_from(range(len(ENDS))),
    }
)


@given(st.data(), st.lists(PARTS, min_size=1, max_size=5))
def test_a_run_is_what_all_that_was_told_of_it_says_together(
    emptied: Callable[[], Asked], data: st.DataObject, parts: list[dict[str, Any]]
) -> None:
    service = emptied()
    tell(service, data.draw(arrivals([told(part) for part in parts])))
    stored = service.stored()
    expected = together(parts)
    assert {name: stored[name] for name in expected} == expected


def told(part: dict[str, Any]) -> dict[str, Any]:
    """Return a run as somebody tells it who knows some of its words, and perhaps an end of it."""
    ended: dict[str, Any] = {} if part["end"] is None else {**COUNTS, **ENDS[part["end"]]}
    return run(**{name: WORDS[name] for name in part["words"]}, **ended)


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is known when all parts are known: every word, and the end that came first."""
    words = set().union(*(part["words"] for part in parts))
    ends = [part["end"] for part in parts if part["end"] is not None]
    end: dict[str, Any] = ENDS[min(ends)] if ends else {}
    known = {name: WORDS[name] if name in words else None for name in WORDS}
    counts = {name: count if ends else 0 for name, count in COUNTS.items()}
    return {**known, **counts, **NO_END, **end, **in_utc(end)}


def in_utc(end: dict[str, Any]) -> dict[str, Any]:
    """Return when an end was, as it is stored."""
    hours = {"failure": "10:00", "success": "10:30", "timeout": "11:00"}
    return {"end_time": f"2026-01-31T{hours[end['status']]}:00.000000+00:00"} if end else {}

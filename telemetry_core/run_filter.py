"""Which runs a store is asked for; how it asks for them is its own affair."""

from __future__ import annotations

from attrs import define

from telemetry_core.models import normalize_status


@define(frozen=True)
class RunFilter:
    """Which runs to list; nothing, or an empty text, for a field that does not matter.

    `created_*` exclude the moment itself, `start_time_*` include it; all are ISO 8601.
    """

    agent_name: str | None = None
    job_type: str | None = None
    status: str | None = None
    parent_run_id: str | None = None
    created_after: str | None = None
    created_before: str | None = None
    start_time_from: str | None = None
    start_time_to: str | None = None
    run_id: str | None = None

    def canonical_status(self) -> str | None:
        """Return the status in its one word; raises `UnknownStatusError` where no run has it."""
        return normalize_status(self.status) if self.status else None

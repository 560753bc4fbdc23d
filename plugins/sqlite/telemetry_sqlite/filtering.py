"""Which runs are meant: the conditions of a question, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_core import normalize_status
from telemetry_sqlite.rows import readable, utc

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    def conditions(self) -> tuple[list[str], list[Any]]:
        """Return the conditions in SQL, and their values.

        Raises `UnknownStatusError` for a status that no run can have.
        """
        wanted = [
            ("agent_name = ?", self.agent_name),
            ("job_type = ?", self.job_type),
            ("status = ?", normalize_status(self.status) if self.status else None),
            ("parent_run_id = ?", self.parent_run_id),
            ("created_at > ?", utc(self.created_after)),
            ("created_at < ?", utc(self.created_before)),
            ("start_time >= ?", utc(self.start_time_from)),
            ("start_time <= ?", utc(self.start_time_to)),
        ]
        given = [(condition, readable(value)) for condition, value in wanted if value]
        return [condition for condition, _ in given], [value for _, value in given]

    def where(self) -> tuple[str, list[Any]]:
        """Return the whole WHERE clause, empty when every run is meant, and its values."""
        conditions, values = self.conditions()
        return where(conditions), values


EVERY_RUN = RunFilter()


def where(conditions: Sequence[str]) -> str:
    """Return the clause that joins conditions, empty when there are none."""
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""

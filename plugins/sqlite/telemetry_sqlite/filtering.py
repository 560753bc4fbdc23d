"""Which runs are meant: the conditions of a question, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_core import RunFilter as StoreFilter
from telemetry_sqlite.rows import readable, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    Bounds = tuple[str | None, str | None]


@define(frozen=True)
class RunFilter(StoreFilter):
    """Which runs to list, as a query of the database asks for them."""

    def equal(self) -> dict[str, str]:
        """Return the columns of which a value is asked for, and the value of each.

        Raises `UnknownStatusError` for a status that no run can have.
        """
        wanted = {
            "agent_name": self.agent_name,
            "job_type": self.job_type,
            "status": self.canonical_status(),
            "parent_run_id": self.parent_run_id,
            "run_id": self.run_id,
        }
        return {name: readable(value) for name, value in wanted.items() if value}

    def created(self) -> Bounds:
        """Return the moments between which, without themselves, runs were created."""
        return _moment(self.created_after), _moment(self.created_before)

    def window(self) -> Bounds:
        """Return the moments between which, with themselves, runs started."""
        return _moment(self.start_time_from), _moment(self.start_time_to)

    def conditions(self) -> tuple[list[str], list[Any]]:
        """Return the conditions in SQL, and their values; raises like `equal`."""
        bounds = dict(
            zip(
                ("created_at > ?", "created_at < ?", "start_time >= ?", "start_time <= ?"),
                (*self.created(), *self.window()),
                strict=True,
            )
        )
        equal = {f"{name} = ?": value for name, value in self.equal().items()}
        given = equal | {condition: value for condition, value in bounds.items() if value}
        return [*given], [*given.values()]

    def where(self) -> tuple[str, list[Any]]:
        """Return the whole WHERE clause, empty when every run is meant, and its values."""
        conditions, values = self.conditions()
        return where(conditions), values


EVERY_RUN = RunFilter()


def where(conditions: Sequence[str]) -> str:
    """Return the clause that joins conditions, empty when there are none."""
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _moment(text: str | None) -> str | None:
    return readable(str(utc(text))) if text else None

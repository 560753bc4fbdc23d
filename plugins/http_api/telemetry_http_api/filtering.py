"""Which runs are meant: the conditions of a question, as a query of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, define

from telemetry_core import RunFilter as StoreFilter

if TYPE_CHECKING:
    from collections.abc import Mapping


@define(frozen=True)
class RunFilter(StoreFilter):
    """Which runs to list, as a query of the service asks for them."""

    def parameters(self) -> dict[str, str]:
        """Return the conditions as parameters of a query.

        Raises `UnknownStatusError` for a status that no run can have.
        """
        given = {name: value for name, value in asdict(self).items() if value}
        if status := self.canonical_status():
            given["status"] = status
        return given

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row fulfils what the reference service passes over: ids of runs."""
        return all(
            not wanted or row.get(name) == wanted
            for name, wanted in (("run_id", self.run_id), ("parent_run_id", self.parent_run_id))
        )


EVERY_RUN = RunFilter()

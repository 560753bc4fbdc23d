"""Which store the commands about runs ask, and the one run of it that somebody means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from telemetry_core.config import TelemetryConfig


def runs_store(config: TelemetryConfig) -> Any:
    """Return what can be asked for runs.

    Raises `TelemetryError` when no active sink keeps runs, or the one that does cannot be used.
    """
    from telemetry_core.manager import Manager

    store = Manager(config).runs_store()
    if store is None:
        active = ", ".join(config.active) or "none"
        raise TelemetryError(
            f"no active sink keeps runs (active: {active}); "
            "try: pip install telemetry-sqlite, and name sqlite in `active`"
        )
    return store


def find_run(store: Any, run_id: str) -> dict[str, Any]:
    """Return the run of this id; raise `TelemetryError` when there is none, or several."""
    run: dict[str, Any] | None = store.find_run(run_id)
    if run is None:
        raise TelemetryError(
            f"no run {run_id!r} is stored; perhaps it is not delivered yet: telemetry flush"
        )
    return run

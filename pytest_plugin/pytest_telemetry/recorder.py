"""A plugin that remembers all it hears, and finds in it what a test expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core import RUN_FIELDS, Health, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telemetry_core import Batch, Record, RunEvent, RunRecord


class Recorder:
    """Hears every hook: runs and events at once, records when the client delivers them.

    :ivar events: every event, in the order in which they were heard.
    :ivar shipped: every record that was delivered, in the order of delivery.
    """

    name = "recorder"

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}
        self.events: list[RunEvent] = []
        self.shipped: list[Record] = []

    @property
    def runs(self) -> list[RunRecord]:
        """Every run, in the order of their starts, each as it stands now."""
        return list(self._runs.values())

    def assert_run(self, agent_name: str | None = None, **fields: Any) -> RunRecord:
        """Return the latest run with these fields; fail, showing all runs, when there is none."""
        __tracebackhide__ = True
        if agent_name is not None:
            fields = {"agent_name": agent_name, **fields}
        if unknown := sorted(fields.keys() - set(RUN_FIELDS)):
            raise TypeError(f"a run has no field {', '.join(unknown)}")
        for run in reversed(self.runs):
            if _values(run, fields) == fields:
                return run
        shown = [f"{run.run_id}: {_items(_values(run, fields))}" for run in self.runs]
        raise AssertionError(_nothing_like(f"run with {_items(fields)}", shown))

    def assert_event(self, event_type: str, /, **payload: Any) -> RunEvent:
        """Return the latest event of a type whose payload has these items, or fail likewise."""
        __tracebackhide__ = True
        for event in reversed(self.events):
            if event.event_type == event_type and _holds(event.payload, payload):
                return event
        shown = [f"{event.event_type}: {event.payload!r}" for event in self.events]
        raise AssertionError(_nothing_like(f"event {event_type} with {_items(payload)}", shown))

    def clear(self) -> None:
        """Forget everything."""
        self._runs.clear()
        self.events.clear()
        self.shipped.clear()

    @hookimpl
    def on_start_run(self, run: RunRecord) -> None:
        """Remember the run, which goes on changing until it ends."""
        self._runs[run.event_id] = run

    @hookimpl
    def on_event(self, event: RunEvent) -> None:
        """Remember the event."""
        self.events.append(event)

    @hookimpl
    def on_end_run(self, run: RunRecord) -> None:
        """Remember the run as it ended."""
        self._runs[run.event_id] = run

    @hookimpl
    def ship_batch(self, batch: Batch) -> None:
        """Remember the records of the batch."""
        self.shipped.extend(batch)

    @hookimpl
    def check_health(self) -> Health:
        """Say how many records arrived."""
        return Health(ok=True, message=f"{len(self.shipped)} records")


def _values(run: RunRecord, fields: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(run, name) for name in fields}


def _holds(payload: Any, items: Mapping[str, Any]) -> bool:
    held = payload if isinstance(payload, dict) else {}
    return all(key in held and held[key] == value for key, value in items.items())


def _items(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in values.items()) or "anything"


def _nothing_like(wanted: str, shown: list[str]) -> str:
    if not shown:
        return f"no {wanted}: nothing of the kind was recorded"
    return "\n  ".join([f"no {wanted}; recorded:", *shown])

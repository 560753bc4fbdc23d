"""A plugin that remembers all it hears, and finds in it what a test expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.likeness import Likeness, distance, holds, items, report, short
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
        """Return the latest run with these fields; fail, showing the nearest, when there is none."""
        __tracebackhide__ = True
        if agent_name is not None:
            fields = {"agent_name": agent_name, **fields}
        if unknown := sorted(fields.keys() - set(RUN_FIELDS)):
            raise TypeError(f"a run has no field {', '.join(unknown)}")
        for run in reversed(self.runs):
            if holds(_values(run, fields), fields):
                return run
        likenesses = [_run_likeness(run, fields) for run in self.runs]
        raise AssertionError(report(f"with {items(fields)}", "run", likenesses))

    def assert_event(self, event_type: str, /, **payload: Any) -> RunEvent:
        """Return the latest event of a type whose payload has these items, or fail likewise."""
        __tracebackhide__ = True
        if found := self._find(event_type, payload):
            return found
        likenesses = [_event_likeness(event, event_type, payload) for event in self.events]
        raise AssertionError(report(f"{event_type} with {items(payload)}", "event", likenesses))

    def assert_no_event(self, event_type: str, /, **payload: Any) -> None:
        """Fail, showing it, when there is an event of a type whose payload has these items."""
        __tracebackhide__ = True
        if found := self._find(event_type, payload):
            raise AssertionError(f"an event {event_type} was recorded: {short(found.payload)}")

    def _find(self, event_type: str, payload: Mapping[str, Any]) -> RunEvent | None:
        for event in reversed(self.events):
            if event.event_type == event_type and holds(_payload(event), payload):
                return event
        return None

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

    def __repr__(self) -> str:
        counts = f"{len(self.runs)} runs, {len(self.events)} events, {len(self.shipped)} shipped"
        return f"<{type(self).__name__}: {counts}>"


def _values(run: RunRecord, fields: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(run, name) for name in fields}


def _run_likeness(run: RunRecord, fields: Mapping[str, Any]) -> Likeness:
    likeness = Likeness.of(run.run_id, _values(run, fields), fields)
    stranger = run.agent_name != fields.get("agent_name", run.agent_name)
    # Another agent's run is further than any of this one's.
    return likeness._replace(distance=likeness.distance + len(fields) * stranger)


def _payload(event: RunEvent) -> Mapping[str, Any]:
    return event.payload if isinstance(event.payload, dict) else {}


def _event_likeness(event: RunEvent, event_type: str, payload: Mapping[str, Any]) -> Likeness:
    title = f"{event.event_type} {short(event.payload)}"
    if event.event_type == event_type:
        return Likeness.of(title, _payload(event), payload)
    # Further than any event of the type; what its payload lacks is then beside the point.
    return Likeness(title, (), len(payload) + distance(event.event_type, event_type))

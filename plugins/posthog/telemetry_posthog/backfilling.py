"""Sends what a store of runs holds, as if it had been sent when it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_core import (
    Kind,
    Lane,
    NotTakenError,
    Record,
    RunEvent,
    RunRecord,
    TelemetryError,
    derived_id,
    hand_over,
    parse_iso8601,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry_core import Handed, Rejection
    from telemetry_posthog.sink import PostHogSink

_PAGE = 100


class BackfillError(TelemetryError):
    """PostHog takes nothing more for now; what it has is known again next time."""


@define
class Backfill:
    """Hands the runs of a store and their events to PostHog, to the end.

    The ids are those under which they are sent while they happen, so that PostHog has each once,
    however often this is done.

    :param show: told after each page how many runs are done.
    :ivar runs: how many runs were looked at; `sent`: how many records of them PostHog has.
    """

    sink: PostHogSink
    store: Any
    show: Callable[[int], None] = lambda _: None
    runs: int = 0
    sent: int = 0
    rejected: dict[str, Rejection] = field(factory=dict)

    def run(self, which: Any) -> None:
        """Send the runs that a filter wants; raises `BackfillError` when PostHog takes none."""
        place = None
        while True:
            page = self.store.list_runs(which, limit=_PAGE, after=place)
            records = [record for row in page.rows for record in self._records(row)]
            self._hand_over(records)
            self.runs += len(page.rows)
            self.show(self.runs)
            place = page.next
            if place is None:
                return

    def _records(self, row: dict[str, Any]) -> Iterator[Record]:
        """Give what was told of a run: its start, its events, and its end if it has one."""
        run = RunRecord.from_dict(row)
        yield _of_run(run, Kind.START_RUN, run.start_time)
        after = None
        while True:
            page = self.store.list_events(run.run_id, after=after)
            yield from map(_of_event, page.rows)
            after = page.next
            if after is None:
                break
        if run.ended:
            yield _of_run(run, Kind.END_RUN, run.end_time or run.start_time)

    def _hand_over(self, records: list[Record]) -> None:
        """Deliver records, those that are refused alone excepted."""
        try:
            self._count(hand_over(self.sink, records))
        except NotTakenError as error:
            self._count(error.handed)
            raise BackfillError(
                f"{error} (PostHog has {self.sent:,} records; nothing will be there twice)"
            ) from None

    def _count(self, handed: Handed) -> None:
        self.sent += len(handed.delivered)
        self.rejected |= handed.rejected


def _of_run(run: RunRecord, kind: Kind, said: str) -> Record:
    record_id = derived_id(run.event_id, f"backfill {kind}")
    return Record(record_id, kind, 0, _time_ns(said), Lane.CRITICAL, run)


def _of_event(row: dict[str, Any]) -> Record:
    told = {"payload": row.get("payload_json"), "context": row.get("context_json")}
    event = RunEvent.from_dict({**row, **told, "payload_json": None})
    return Record(event.event_id, Kind.EVENT, 0, event.time_ns, Lane.STANDARD, event)


def _time_ns(said: str) -> int:
    try:
        return parse_iso8601(said)
    except (ValueError, OverflowError):
        return 0

"""A sink on a temporary database, and records to hand to it."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from telemetry_sqlite import RunQueries, SqliteSink

from telemetry_core.models import RunEvent, RunRecord
from telemetry_core.records import Batch, Kind, Lane, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOON = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z
SECOND = 1_000_000_000


class Story:
    """Tells records one second apart."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def batch(self, *records: Record, **fields: Any) -> Batch:
        return Batch(records, **fields)

    def event(self, id: str | None = None, **fields: Any) -> Record:
        count = next(self._count)
        time_ns = NOON + count * SECOND
        fields = {"event_type": "page.fetched", "run_id": "run-1", "time_ns": time_ns, **fields}
        body = RunEvent(event_id=id or f"event-{count:04}", **fields)
        return Record(body.event_id, Kind.EVENT, count, time_ns, Lane.STANDARD, body)

    def run(self, run: RunRecord | None = None, **fields: Any) -> Record:
        count = next(self._count)
        body = run or self.a_run()
        for name, value in fields.items():
            setattr(body, name, value)
        kind = Kind.END_RUN if body.ended else Kind.START_RUN
        return Record(f"record-{count:04}", kind, count, NOON + count * SECOND, Lane.CRITICAL, body)

    def start_and_end(self, **fields: Any) -> tuple[Record, Record]:
        start = self.a_run(**fields)
        end = evolve(start, status="success", end_time="2026-01-01T12:00:05Z", revision=1)
        return self.run(start), self.run(end)

    def a_run(self, **fields: Any) -> RunRecord:
        return RunRecord(
            **{
                "run_id": "run-1",
                "agent_name": "crawler",
                "job_type": "nightly",
                "event_id": "uuid-1",
                "start_time": "2026-01-01T12:00:00Z",
                **fields,
            }
        )


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SqliteSink]:
    sink = SqliteSink(base_dir=tmp_path)
    yield sink
    sink.close()


@pytest.fixture
def queries(sink: SqliteSink) -> RunQueries:
    return sink.runs_store()


@pytest.fixture
def rows(sink: SqliteSink) -> Callable[[str], list[Any]]:
    """Ask the database past everything of ours."""

    def ask(sql: str) -> list[Any]:
        with closing(sqlite3.connect(sink.destination())) as connection:
            return connection.execute(sql).fetchall()

    return ask

"""A rebuild that is killed at any moment, and one beside programs that write."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.care.rebuilding import rebuild

from tests.plugins.sqlite.care.ndjson import event_line, rows_of, run_line
from tests.plugins.sqlite.processes import killed_at, python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.sqlite.care.ndjson import Lines

RUNS = 30  # with their events more than three batches
EVENTS = 100
STATEMENTS = RUNS * EVENTS  # a rebuild takes some more, whatever is there already

REBUILD = """
import sys
from pathlib import Path
from telemetry_sqlite.care.rebuilding import rebuild

rebuild(sys.argv[1], [Path(sys.argv[2])], wait=60, progress=lambda done, total: None)
"""

WRITER = """
import sys
from telemetry_core.models import RunEvent
from telemetry_core.records import Batch, Kind, Lane, Record
from telemetry_sqlite import SqliteSink

sink = SqliteSink(db_path=sys.argv[1])
for number in range(int(sys.argv[2])):
    event = RunEvent(f"written-{number}", "tick", 0)
    record = Record(event.event_id, Kind.EVENT, 0, 0, Lane.STANDARD, event)
    assert len(sink.ship_batch(Batch((record,))).delivered) == 1
"""


@pytest.fixture
def many(lines: Lines) -> Lines:
    """Write a story of many batches."""
    for run in range(RUNS):
        events = [event_line(n, run_id=f"run-{run}") for n in range(EVENTS)]
        end = run_line(run, status="success", end_time="2026-01-02T12:00:09Z")
        lines.write(run_line(run), *events, end)
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_statement_and_done_again_it_is_as_if_nothing_had_happened(
    many: Lines, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        killed_at(chance.randrange(STATEMENTS), many.rebuild)
    many.rebuild()

    undisturbed = str(tmp_path / "undisturbed.sqlite")
    rebuild(undisturbed, [many.file], wait=20, progress=lambda done, total: None)
    for table in ("agent_runs", "run_events"):
        assert many.rows(table) == rows_of(undisturbed, table)
    assert many.ask("PRAGMA integrity_check") == [("ok",)]


def test_beside_a_program_that_writes_both_get_everything_in(many: Lines) -> None:
    with python(WRITER, many.database, 100) as writer:
        done = many.rebuild()
    assert writer.returncode == 0
    assert done.added == {"runs": RUNS, "events": RUNS * EVENTS}
    assert many.ask("SELECT count(*) FROM run_events WHERE event_type = 'tick'") == [(100,)]
    assert many.ask("PRAGMA integrity_check") == [("ok",)]


def test_two_rebuilds_at_once_bring_everything_in_once(many: Lines) -> None:
    with python(REBUILD, many.database, many.file) as other:
        many.rebuild()
        other.communicate()
    assert other.returncode == 0
    assert many.ask("SELECT count(*) FROM run_events") == [(RUNS * EVENTS,)]
    assert many.ask("SELECT count(*), min(status) FROM agent_runs") == [(RUNS, "success")]

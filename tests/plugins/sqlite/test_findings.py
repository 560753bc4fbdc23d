"""What the sink tells `telemetry doctor` of its database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_core import Level

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from telemetry_core import Finding
    from tests.plugins.sqlite.conftest import Story


def found(sink: SqliteSink) -> dict[str, Finding]:
    return {finding.name: finding for finding in sink.findings()}


def changed(sink: SqliteSink, script: str) -> None:
    Path(sink.destination()).parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(sink.destination())) as connection:
        connection.executescript(script)


def test_a_sound_database_is_well_in_all_respects(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event()))
    findings = found(sink)
    assert {finding.level for finding in findings.values()} == {Level.OK}
    assert findings.keys() == {"schema", "event_ids", "pragmas", "integrity"}


def test_a_database_not_yet_begun_is_nothing_bad(sink: SqliteSink) -> None:
    assert found(sink)["file"].level is Level.OK


def test_an_older_schema_fails_with_the_command_that_upgrades_it(sink: SqliteSink) -> None:
    changed(sink, "CREATE TABLE agent_runs (run_id, agent_name, job_type, start_time, status)")
    findings = found(sink)
    assert findings["schema"].level is Level.FAIL
    assert "telemetry db migrate --db" in findings["schema"].remedy
    assert findings["event_ids"].level is Level.FAIL
    assert findings["pragmas"].level is Level.WARN


def test_wal_mode_is_warned_of(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event()))
    sink.close()
    changed(sink, "PRAGMA journal_mode = WAL")
    assert found(sink)["pragmas"].what == "journal_mode is wal, not delete"


def test_a_damaged_file_fails_and_one_set_aside_is_warned_of(
    sink: SqliteSink, story: Story
) -> None:
    path = Path(sink.destination())
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    assert found(sink)["file"].level is Level.FAIL
    sink.ship_batch(story.batch(story.event()))
    assert found(sink)["set_aside"].level is Level.WARN
    assert "file" not in found(sink)


def test_a_large_file_is_not_read_through_and_warned_of(sink: SqliteSink, story: Story) -> None:
    sink.ship_batch(story.batch(story.event()))
    os.truncate(sink.destination(), 600_000_000)  # sparse: nothing of it is on the disk
    findings = found(sink)
    assert findings["size"].what == "the database has 600 MB"
    assert "telemetry db retain" in findings["size"].remedy
    assert "telemetry db check" in findings["integrity"].what

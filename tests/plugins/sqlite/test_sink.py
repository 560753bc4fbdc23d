from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry.clock import FakeClock
from telemetry_sqlite import DatabaseBusyError, DatabaseWriter, SqliteSink

from telemetry_core import ConfigError, load_config
from telemetry_core.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry_core.records import Batch
    from tests.plugins.sqlite.conftest import Story

    Ask = Callable[[str], list[Any]]


def delivered(batch: Batch) -> set[str]:
    return {record.id for record in batch}


def test_building_a_sink_touches_no_file(tmp_path: Path) -> None:
    sink = SqliteSink(base_dir=tmp_path / "base")

    sink.close()

    assert list(tmp_path.iterdir()) == []
    assert sink.destination() == str(tmp_path / "base" / "db" / "telemetry.sqlite")


def test_a_sink_without_any_place_says_which_settings_give_one() -> None:
    with pytest.raises(ConfigError, match=r"db_path.*TELEMETRY_DB_PATH.*base_dir"):
        SqliteSink()


def test_db_path_wins_over_base_dir_and_survives_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = SqliteSink(db_path="runs.sqlite", base_dir=tmp_path / "base")
    monkeypatch.chdir("/")

    assert sink.destination() == str(tmp_path / "runs.sqlite")


def test_importing_the_plugin_and_building_the_sink_leaves_sqlite_out() -> None:
    script = "import sys, telemetry_sqlite as t; t.SqliteSink(base_dir='x'); print('sqlite3' in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert answer.stdout == b"False\n"


def test_an_event_becomes_a_row(sink: SqliteSink, story: Story, rows: Ask) -> None:
    event = story.event("e1", payload={"url": "/ä"}, distinct_id="anna", context={"os": "linux"})

    receipt = sink.ship_batch(story.batch(event))

    assert receipt.delivered == {"e1"}
    assert rows(
        "SELECT event_id, run_id, event_type, timestamp, payload_json, distinct_id, context_json"
        " FROM run_events"
    ) == [
        (
            "e1",
            "run-1",
            "page.fetched",
            "2026-01-01T12:00:00.000000+00:00",
            '{"url":"/ä"}',
            "anna",
            '{"os":"linux"}',
        )
    ]


def test_an_event_of_its_own_needs_no_run(sink: SqliteSink, story: Story, rows: Ask) -> None:
    sink.ship_batch(story.batch(story.event(run_id=None, payload={})))

    assert rows("SELECT run_id, payload_json FROM run_events") == [(None, None)]


def test_the_same_batch_twice_is_stored_once(sink: SqliteSink, story: Story, rows: Ask) -> None:
    batch = story.batch(*story.start_and_end(), story.event(), story.event())

    receipts = [sink.ship_batch(batch), sink.ship_batch(batch)]

    assert [receipt.delivered for receipt in receipts] == [delivered(batch)] * 2
    assert rows("SELECT count(*) FROM run_events") == [(2,)]
    assert rows("SELECT status FROM agent_runs") == [("success",)]


def test_start_and_end_in_one_batch_are_one_row_written_once(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    start, end = story.start_and_end()

    sink.ship_batch(story.batch(start, end))

    assert rows("SELECT id, status, end_time, revision FROM agent_runs") == [
        (1, "success", "2026-01-01T12:00:05.000000+00:00", 1)
    ]


def test_runs_of_one_run_id_are_told_apart_by_their_event_id(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(story.run(), story.run(event_id="uuid-2")))

    assert rows("SELECT run_id, event_id FROM agent_runs ORDER BY event_id") == [
        ("run-1", "uuid-1"),
        ("run-1", "uuid-2"),
    ]


def test_records_of_a_run_give_the_same_row_in_whatever_order_and_batch_they_come(
    tmp_path: Path, story: Story
) -> None:
    start = story.run(items_discovered=1)
    update = story.run(story.a_run(revision=1, items_discovered=2, host="h"))
    inferred = story.run(story.a_run(revision=2, status="cancelled", inferred=True))
    end = story.run(
        story.a_run(
            revision=3, status="failure", end_time="2026-01-01T12:00:09Z", error_summary="e"
        )
    )
    found = []
    for number, order in enumerate(itertools.permutations([start, update, inferred, end])):
        sink = SqliteSink(db_path=tmp_path / f"{number}.sqlite")
        sink.ship_batch(story.batch(order[0]))
        sink.ship_batch(story.batch(*order[1:]))
        found += sink.runs_store().list_runs().rows
        sink.close()

    assert len(found) == 24
    assert {row["status"] for row in found} == {"failure"}
    assert all(row == found[0] for row in found)


def test_what_only_the_store_knows_survives_later_records(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    start, end = story.start_and_end()
    sink.ship_batch(story.batch(start))
    DatabaseWriter(sink.destination()).mark_api_posted("run-1")

    sink.ship_batch(story.batch(end))

    assert rows("SELECT api_posted, status FROM agent_runs") == [(1, "success")]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000000+00:00"),
        ("2026-01-01T14:00:00.5+02:00", "2026-01-01T12:00:00.500000+00:00"),
        ("2026-01-01 12:00:00", "2026-01-01T12:00:00.000000+00:00"),
        ("last tuesday", "last tuesday"),
        ("", ""),
    ],
)
def test_times_are_stored_in_utc_and_what_is_no_time_is_kept(
    sink: SqliteSink, story: Story, rows: Ask, given: str, stored: str
) -> None:
    receipt = sink.ship_batch(story.batch(story.run(start_time=given)))

    assert rows("SELECT start_time FROM agent_runs") == [(stored,)]
    assert receipt.rejected == {}


@pytest.mark.parametrize(
    "hostile",
    [
        {"items_failed": 2**63},
        {"status": "exploded"},
        {"job_type": None},
        {"agent_name": {"not": "text"}},
        {"start_time": object()},
        {"event_id": None},
    ],
)
def test_a_run_that_no_row_can_hold_is_rejected_alone(
    sink: SqliteSink, story: Story, rows: Ask, hostile: dict[str, Any]
) -> None:
    bad = story.run(story.a_run(event_id="uuid-bad"), **hostile)
    batch = story.batch(*story.start_and_end(), bad, story.event())

    receipt = sink.ship_batch(batch)

    assert set(receipt.rejected) == {bad.id}
    assert receipt.rejected[bad.id].reason
    assert receipt.delivered == delivered(batch) - {bad.id}
    assert rows("SELECT event_id, status FROM agent_runs") == [("uuid-1", "success")]


def test_a_good_start_is_kept_when_the_end_of_the_same_run_is_rejected(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    start, end = story.run(), story.run(status="success", duration_ms=2**64)

    receipt = sink.ship_batch(story.batch(start, end))

    assert receipt.delivered == {start.id}
    assert set(receipt.rejected) == {end.id}
    assert rows("SELECT status FROM agent_runs") == [("running",)]


@pytest.mark.parametrize(
    "hostile", [{"event_type": None}, {"event_type": ["a"]}, {"run_id": 2**64}]
)
def test_an_event_that_no_row_can_hold_is_rejected_alone(
    sink: SqliteSink, story: Story, hostile: dict[str, Any]
) -> None:
    good, bad, last = story.event(), story.event(**hostile), story.event()

    receipt = sink.ship_batch(story.batch(good, bad, last))

    assert set(receipt.rejected) == {bad.id}
    assert receipt.delivered == {good.id, last.id}


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\U0010ffff", "'; DROP TABLE agent_runs; --"])
def test_any_text_is_stored(sink: SqliteSink, story: Story, text: str) -> None:
    run = story.run(run_id=text, agent_name=text, metrics_json={text: [2**70, text]})
    event = story.event(event_type=text, payload={text: text})

    receipt = sink.ship_batch(story.batch(run, event))

    assert receipt.delivered == {run.id, event.id}
    shown = text.encode("utf-8", "backslashreplace").decode()
    assert [row["metrics_json"] for row in sink.runs_store().list_runs().rows] == [
        {shown: [2**70, shown]}
    ]


def test_the_database_keeps_a_rollback_journal_and_gives_space_back_in_steps(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(story.event()))

    assert rows("PRAGMA journal_mode") == [("delete",)]
    assert rows("PRAGMA auto_vacuum") == [(2,)]


def test_database_and_lock_are_for_their_owner_only(
    sink: SqliteSink, story: Story, tmp_path: Path
) -> None:
    sink.ship_batch(story.batch(story.event()))

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "db").iterdir()}
    assert modes == {"telemetry.sqlite": 0o600, "telemetry.sqlite.writer.lock": 0o600}


def test_a_batch_goes_on_where_another_program_holds_the_lock_no_longer(
    sink: SqliteSink, story: Story, rows: Ask
) -> None:
    sink.ship_batch(story.batch(story.event()))
    other = sqlite3.connect(sink.destination(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    batch = story.batch(story.event(), deadline=0.0)

    with pytest.raises(DatabaseBusyError, match="database is locked"):
        sink.ship_batch(batch)
    other.close()

    assert sink.ship_batch(batch).delivered == delivered(batch)
    assert rows("SELECT count(*) FROM run_events") == [(2,)]


def test_a_lock_that_is_let_go_between_two_tries_fails_nothing(
    tmp_path: Path, story: Story
) -> None:
    class Releasing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            other.close()

    clock = Releasing()
    sink = SqliteSink(db_path=tmp_path / "runs.sqlite", clock=clock)
    sink.ship_batch(story.batch(story.event()))
    other = sqlite3.connect(sink.destination(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    receipt = sink.ship_batch(story.batch(story.event("e2"), deadline=clock.monotonic() + 0.15))
    sink.close()

    assert receipt.delivered == {"e2"}


def test_the_core_builds_it_from_its_table(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_DB_PATH", str(tmp_path / "environment.sqlite"))
    (tmp_path / "telemetry.toml").write_text(
        'active = ["sqlite"]\n[plugins.sqlite]\ndb_path = "file.sqlite"\nbatch_size = 50\n'
    )

    (plugin,) = Manager(load_config(tmp_path / "telemetry.toml")).plugins
    plugin.build()

    assert plugin.destination() == str(tmp_path / "environment.sqlite")


def test_a_database_removed_while_it_is_open_is_begun_anew(
    sink: SqliteSink,
    story: Story,
    rows: Ask,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink.ship_batch(story.batch(story.event()))
    (tmp_path / "db" / "telemetry.sqlite").unlink()

    sink.ship_batch(story.batch(story.event("after")))

    assert rows("SELECT event_id FROM run_events") == [("after",)]
    assert "was moved or removed while it was in use" in caplog.text


def test_health_and_figures_tell_what_was_done(sink: SqliteSink, story: Story) -> None:
    before = sink.check_health()
    sink.ship_batch(story.batch(story.event(), story.event(event_type=None)))
    after = sink.check_health()

    assert (before.ok, before.message) == (True, "nothing written yet")
    assert (after.ok, after.message) == (True, "")
    assert after.details["bytes"] > 0
    assert sink.stats() == {"batches": 1, "delivered": 1, "rejected": 1}


def test_a_closed_sink_opens_again(sink: SqliteSink, story: Story, rows: Ask) -> None:
    sink.ship_batch(story.batch(story.event()))
    sink.close()
    sink.close()

    sink.ship_batch(story.batch(story.event()))

    assert rows("SELECT count(*) FROM run_events") == [(2,)]

"""What became of a run at the sheet stands in its row of the runs database, and holds nobody up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import DatabaseWriter

from telemetry_core import RunRecord, TelemetryClient, load_config
from tests.plugins.sheets.conftest import ids, shipping

if TYPE_CHECKING:
    from pytest_telemetry import SheetsServer, Story
    from telemetry_sheets import SheetsSink

    from telemetry_core import TelemetryConfig
    from tests.plugins.sheets.conftest import Sinks


@pytest.fixture
def config(google: SheetsServer, key: str, tmp_path: Path) -> TelemetryConfig:
    (tmp_path / "key.json").write_text(key)
    path = tmp_path / "telemetry.toml"
    path.write_text(
        f"""
        active = ["sqlite", "sheets"]
        base_dir = "telemetry"
        [plugins.sheets]
        spreadsheet_id = "{google.spreadsheet_id}"
        credentials = {{ file = "key.json" }}
        base_url = "{google.url}"
        """
    )
    return load_config(path, environ={})


@pytest.fixture
def database(tmp_path: Path) -> DatabaseWriter:
    return DatabaseWriter(tmp_path / "runs.sqlite")


@pytest.fixture
def sink(database: DatabaseWriter, tabs: Sinks) -> SheetsSink:
    return tabs(find_store=lambda: database._queries)


def stored(database: DatabaseWriter, run: Any) -> tuple[bool, str | None, int]:
    row = database.get_run(run.event_id)
    assert row is not None
    return row.api_posted, row.api_posted_at, row.api_retry_count


def test_a_program_finds_in_its_database_what_was_posted(
    config: TelemetryConfig, google: SheetsServer, tmp_path: Path
) -> None:
    with TelemetryClient(config) as client:
        run_id = client.start_run("crawler", "nightly")
        client.flush(20)
        client.end_run(run_id)
        client.log_event(run_id, "late")
        assert client.flush(20)
        stats = client.get_stats()
    assert len(ids(google)) == 1
    writer = DatabaseWriter(tmp_path / "telemetry" / "db" / "telemetry.sqlite")
    row = writer.get_run(run_id)
    assert row is not None
    assert (row.api_posted, row.status, stats["pending_api_posts"]) == (True, "success", 0)


def test_what_was_posted_and_how_often_in_vain_is_noted(
    sink: SheetsSink, database: DatabaseWriter, story: Story, google: SheetsServer
) -> None:
    run = story.run()[1]
    database.insert_run(run.body)  # type: ignore[arg-type]
    google.fail(503, times=2)
    for _ in range(3):
        shipping(sink)(run)
    posted, moment, retries = stored(database, run.body)
    assert (posted, retries) == (True, 2)
    assert moment
    assert moment.startswith("2026-")


def test_a_run_that_the_database_gets_after_the_sheet_is_noted_then(
    sink: SheetsSink, database: DatabaseWriter, story: Story
) -> None:
    run = story.run()[1]
    shipping(sink)(run)
    database.insert_run(run.body)  # type: ignore[arg-type]
    assert not stored(database, run.body)[0]
    sink.check_health()
    assert stored(database, run.body)[0]


def test_a_locked_database_keeps_no_row_from_its_sheet(
    sink: SheetsSink, database: DatabaseWriter, story: Story
) -> None:
    run = story.run()[1]
    database.insert_run(run.body)  # type: ignore[arg-type]
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert shipping(sink)(run).delivered
    assert not stored(database, run.body)[0]
    sink.close()
    assert stored(database, run.body)[0]


def test_a_database_that_cannot_be_used_keeps_no_row_from_its_sheet(
    sink: SheetsSink, database: DatabaseWriter, story: Story
) -> None:
    Path(database.path).mkdir()
    assert shipping(sink)(story.run()[1]).delivered
    sink.close()
    assert list(Path(database.path).iterdir()) == []


def test_no_database_is_begun_for_a_note(sink: SheetsSink, story: Story, tmp_path: Path) -> None:
    assert shipping(sink)(story.run()[1]).delivered
    assert not (tmp_path / "runs.sqlite").exists()


@pytest.mark.parametrize("store", [None, object()])
def test_a_store_that_takes_no_notes_is_left_alone(
    tabs: Sinks, story: Story, store: object
) -> None:
    assert shipping(tabs(find_store=lambda: store))(story.run()[1]).delivered


def test_a_store_that_raises_is_none_of_the_sheets_business(tabs: Sinks, story: Story) -> None:
    def broken() -> object:
        raise RuntimeError

    assert shipping(tabs(find_store=broken))(story.run()[1]).delivered


def test_a_wait_that_nobody_is_to_blame_for_counts_as_no_failure(
    tabs: Sinks, database: DatabaseWriter, story: Story
) -> None:
    sink = tabs(find_store=lambda: database._queries, writes_per_minute=1)
    run, next_one = story.run()[1], story.run()[1]
    for one in (run, next_one):
        assert isinstance(one.body, RunRecord)
        database.insert_run(one.body)
        shipping(sink)(one)
    assert [stored(database, one.body)[2] for one in (run, next_one)] == [0, 0]
    assert [stored(database, one.body)[0] for one in (run, next_one)] == [True, False]

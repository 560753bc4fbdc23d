"""Rows as CSV, NDJSON and Parquet, from a database that is being written to."""

from __future__ import annotations

import csv
import io
import json
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from tests.plugins.sqlite.care.ndjson import locked, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Db = Callable[..., Any]

TELEMETRY = str(Path(sys.executable).with_name("telemetry"))
HOSTILE = '=cmd|"/c calc"!A0, "quoted"\nand ä, 😀'

WRITER = """
import sys
from telemetry_core.models import RunEvent
from telemetry_core.records import Batch, Kind, Lane, Record
from telemetry_sqlite import SqliteSink

sink = SqliteSink(db_path=sys.argv[1])
print("begun", flush=True)
for number in range(200):
    event = RunEvent(f"written-{number}", "tick", 0)
    record = Record(event.event_id, Kind.EVENT, 0, 0, Lane.STANDARD, event)
    assert len(sink.ship_batch(Batch((record,))).delivered) == 1
"""


@pytest.fixture
def filled(sink: SqliteSink, story: Story) -> str:
    start, end = story.start_and_end(
        item_name=HOSTILE, items_succeeded=7, metrics_json={"b": [1.5], "a": None}
    )
    other = story.run(story.a_run(event_id="uuid-2", run_id="run-2", agent_name="other"))
    event = story.event(payload={"z": 1, "ä": [None]}, context={"k": 1}, distinct_id="me")
    sink.ship_batch(story.batch(start, event, story.event(run_id=None), other, end))
    return sink.destination()


def test_ndjson_makes_the_same_rows_again(db: Db, filled: str, tmp_path: Path) -> None:
    assert db("export", "--format", "ndjson", "-o", "all.ndjson").exit_code == 0
    target = tmp_path / "again.sqlite"
    assert db("rebuild", "--from", "all.ndjson", "--fresh", "--db", str(target)).exit_code == 0
    for table in ("agent_runs", "run_events"):
        assert rows_of(tmp_path / "again.rebuilt.sqlite", table) == rows_of(filled, table)


@pytest.mark.usefixtures("filled")
def test_csv_is_quoted_and_says_no_formula(db: Db) -> None:
    done = db("export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [row["run_id"] for row in rows] == ["run-1", "run-2"]
    assert rows[0]["item_name"] == f"'{HOSTILE}"
    assert rows[0]["items_succeeded"] == "7"
    assert json.loads(rows[0]["metrics_json"]) == {"b": [1.5], "a": None}


@pytest.mark.usefixtures("filled")
def test_parquet_has_typed_columns(db: Db) -> None:
    assert db("export", "--format", "parquet", "-o", "runs.parquet").exit_code == 0
    table = parquet.read_table("runs.parquet")
    assert str(table.schema.field("start_time").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("items_succeeded").type) == "int64"
    assert str(table.schema.field("inferred").type) == "bool"
    first = table.to_pylist()[0]
    assert (first["run_id"], first["item_name"], first["items_succeeded"]) == ("run-1", HOSTILE, 7)
    assert first["start_time"].isoformat() == "2026-01-01T12:00:00+00:00"


@pytest.mark.parametrize("kind", ["--runs", "--events"])
def test_parquet_of_nothing_has_its_columns(
    db: Db, sink: SqliteSink, story: Story, kind: str
) -> None:
    sink.ship_batch(story.batch(story.event(), story.run()))
    done = db("export", "--format", "parquet", kind, "--since", "2027-01-01", "-o", "none")
    assert done.exit_code == 0
    assert "run_id" in parquet.read_table("none").column_names


def test_without_pyarrow_it_says_what_to_install(
    db: Db, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = db("export", "--format", "parquet", "-o", "runs.parquet")
    assert done.exit_code == 1
    assert "pip install pyarrow" in done.stderr
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--runs"], ["uuid-1", "uuid-2"]),
        (["--runs", "--agent", "other"], ["uuid-2"]),
        (["--runs", "--status", "completed"], ["uuid-1"]),
        (["--runs", "--until", "2026-01-01T12:00:00Z"], []),
        (["--events"], ["event-0000", "event-0001"]),
        (["--events", "--agent", "crawler"], ["event-0000"]),
        (["--events", "--agent", "other"], []),
    ],
)
def test_what_is_written_can_be_chosen(
    db: Db, sink: SqliteSink, story: Story, options: list[str], ids: list[str]
) -> None:
    events = story.event(), story.event(run_id=None)
    other = story.run(story.a_run(event_id="uuid-2", run_id="run-2", agent_name="other"))
    sink.ship_batch(story.batch(*events, *story.start_and_end(), other))
    done = db("export", "--format", "ndjson", *options)
    assert [json.loads(line)["event_id"] for line in done.stdout.splitlines()] == ids


def test_over_gaps_and_many_pages_every_row_comes_once_in_its_order(
    db: Db, sink: SqliteSink, story: Story
) -> None:
    sink.ship_batch(story.batch(*(story.event() for _ in range(4500))))
    with closing(sqlite3.connect(sink.destination())) as connection, connection:
        connection.execute("DELETE FROM run_events WHERE id BETWEEN 10 AND 4100")
        connection.execute("UPDATE run_events SET id = 900000000 WHERE id = 4500")
    done = db("export", "--format", "ndjson", "--events")
    ids = [json.loads(line)["event_id"] for line in done.stdout.splitlines()]
    kept = [*range(9), *range(4100, 4500)]
    assert ids == [f"event-{number:04}" for number in kept]


@pytest.mark.usefixtures("filled")
def test_no_file_is_written_over_without_force(db: Db) -> None:
    Path("mine").write_text("mine")
    refused = db("export", "--format", "csv", "-o", "mine")
    assert (refused.exit_code, Path("mine").read_text()) == (1, "mine")
    assert "--force" in refused.stderr
    assert db("export", "--format", "csv", "-o", "mine", "--force").exit_code == 0
    assert Path("mine").read_text().startswith("run_id,")
    assert Path("mine").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("filled")
def test_what_is_no_file_is_never_replaced(db: Db) -> None:
    done = db("export", "--format", "csv", "--force", "-o", "/dev/null")
    assert done.exit_code == 1
    assert not Path("/dev/null").is_file()


@pytest.mark.usefixtures("filled")
def test_json_and_parquet_need_a_file(db: Db) -> None:
    assert db("export", "--format", "csv", "--json").exit_code == 2
    assert db("export", "--format", "parquet").exit_code == 2
    answer = json.loads(db("export", "--format", "ndjson", "--json", "-o", "all").stdout)
    assert answer["rows"] == {"runs": 2, "events": 2}


def test_a_full_disk_leaves_no_file_and_says_so(filled: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [TELEMETRY, "db", "export", "--format", "csv", "--db", filled, "-o", "runs.csv"],
        cwd=tmp_path / "work",
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 1
    assert "runs.csv was not written: File too large" in done.stderr
    assert list((tmp_path / "work").iterdir()) == []


def test_a_full_stdout_is_an_error_and_a_closed_one_is_silent(filled: str) -> None:
    command = [TELEMETRY, "db", "export", "--format", "ndjson", "--db", filled]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as closed:
        assert closed.stdout is not None
        assert closed.stderr is not None
        closed.stdout.close()
        assert closed.stderr.read() == b""


def test_beside_a_program_that_writes_it_gets_what_was_there(db: Db, filled: str) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, filled], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        done = [db("export", "--format", "ndjson") for _ in range(5)]
    assert writer.returncode == 0
    assert {one.exit_code for one in done} == {0}
    for one in done:
        ids = [json.loads(line)["event_id"] for line in one.stdout.splitlines()]
        assert len(ids) == len(set(ids)) >= 4


def test_beside_a_program_that_has_begun_to_write_it_reads(db: Db, filled: str) -> None:
    with locked(filled):
        assert db("export", "--format", "csv").exit_code == 0


def test_text_that_is_no_utf8_is_written_out(db: Db, filled: str) -> None:
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE agent_runs SET product = CAST(x'61ff' AS TEXT)")
    done = db("export", "--format", "ndjson", "--runs")
    assert json.loads(done.stdout.splitlines()[0])["product"] == "a\\xff"

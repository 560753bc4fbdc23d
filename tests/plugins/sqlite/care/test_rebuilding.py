"""What NDJSON files tell of, brought into a database."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from telemetry_ndjson import NdjsonSink
from telemetry_sqlite import SqliteSink, UnknownSchemaError
from telemetry_sqlite.care.ndjson_files import NoFilesError, find_files
from telemetry_sqlite.care.rebuilding import rebuild, rebuild_beside
from telemetry_sqlite.errors import DatabaseUnusableError

from tests.plugins.sqlite.care.ndjson import REFERENCE, event_line, locked, rows_of, run_line

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.sqlite.care.ndjson import Lines
    from tests.plugins.sqlite.conftest import Story


def test_the_reference_clients_lines_become_one_ended_run_and_its_event(lines: Lines) -> None:
    done = lines.rebuild(REFERENCE)
    assert (done.added, done.passed_over) == ({"runs": 1, "events": 1}, 0)
    ((status, said, found, created, metrics),) = lines.ask(
        "SELECT status, input_summary, items_discovered, created_at, metrics_json FROM agent_runs"
    )
    assert (status, said, found) == ("success", "ten pages", 10)
    assert (created, metrics) == ("2026-01-01T12:00:00.000000+00:00", '{"load":null,"pages":9}')
    assert lines.ask("SELECT event_type, payload_json FROM run_events") == [
        ("page", '{"url":"https://example.com/","ratio":null}')
    ]


def test_a_line_that_is_stored_a_second_time_in_a_new_file_is_counted_once(lines: Lines) -> None:
    lines.write(*(event_line(number) for number in range(300)), run_line())
    lines.rebuild()
    image = bytearray(lines.database.read_bytes())
    with closing(sqlite3.connect(lines.database)) as connection:
        ask = "SELECT rootpage FROM sqlite_master WHERE name = 'run_events'"
        page = connection.execute(ask).fetchone()[0]
    image[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    lines.database.write_bytes(image)
    done = lines.rebuild()
    assert (done.told, done.added) == ({"runs": 1, "events": 300}, {"runs": 1, "events": 300})


def test_a_rebuild_that_is_repeated_adds_nothing(lines: Lines) -> None:
    lines.write(run_line(), event_line(1), event_line(2), run_line(status="success"))
    first = lines.rebuild(REFERENCE, lines.directory)
    before = lines.rows("agent_runs"), lines.rows("run_events")

    assert first.added == {"runs": 2, "events": 3}
    assert lines.rebuild(REFERENCE, lines.directory).added == {"runs": 0, "events": 0}
    assert (lines.rows("agent_runs"), lines.rows("run_events")) == before


def test_the_lines_of_our_own_sink_give_the_database_of_our_other_one(
    lines: Lines, sink: SqliteSink, story: Story
) -> None:
    start, end = story.start_and_end(metrics_json={"b": [1, 2.5], "a": "ä"})
    batch = story.batch(start, story.event(payload={"z": 1}, context={"k": 1}), story.event(), end)
    NdjsonSink(directory=lines.directory).ship_batch(batch)
    sink.ship_batch(batch)

    lines.rebuild()

    for table in ("agent_runs", "run_events"):
        assert lines.rows(table) == rows_of(sink.destination(), table)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_lines_makes_no_difference(tmp_path: Path, lines: Lines, seed: int) -> None:
    told = REFERENCE.read_bytes().splitlines(keepends=True)
    random.Random(seed).shuffle(told)
    lines.write(*told)
    lines.rebuild()
    straight = tmp_path / "straight.sqlite"
    rebuild(str(straight), [REFERENCE], wait=20, progress=lambda done, total: None)
    assert lines.rows("agent_runs") == rows_of(straight, "agent_runs")


def test_an_event_line_that_names_a_run_leaves_the_run_alone(lines: Lines) -> None:
    lines.write(run_line(status="success"), event_line(event_id="uuid-1", status="failure"))
    lines.rebuild()
    assert lines.ask("SELECT status, agent_name FROM agent_runs") == [("success", "crawler")]
    assert lines.ask("SELECT event_id FROM run_events") == [("uuid-1",)]


def test_what_the_database_knows_better_stays(lines: Lines, sink: SqliteSink, story: Story) -> None:
    ended = story.a_run(status="success", revision=3, end_time="2026-01-01T12:00:05Z")
    sink.ship_batch(story.batch(story.run(ended)))
    old = evolve(ended, status="running", revision=0, end_time=None)
    lines.write(old.to_dict())

    rebuild(sink.destination(), [lines.file], wait=20, progress=lambda done, total: None)

    found = sink.runs_store().get_run("uuid-1")
    assert found is not None
    assert (found.status, found.revision) == ("success", 3)


def test_a_line_that_tells_more_of_a_known_run_completes_it(lines: Lines) -> None:
    lines.write(run_line())
    lines.rebuild()
    lines.write(run_line(status="success"))
    done = lines.rebuild()
    assert (done.added["runs"], done.completed) == (0, 1)


def test_run_lines_from_before_there_were_event_ids_are_one_run(lines: Lines) -> None:
    told = [run_line(), run_line(status="completed", end_time="2026-01-02T12:00:09Z")]
    lines.write(*({**line, "event_id": None} for line in told))
    assert lines.rebuild().added["runs"] == 1
    assert lines.rebuild().added["runs"] == 0
    assert lines.ask("SELECT run_id, status FROM agent_runs") == [("run-1", "success")]


def test_times_of_many_forms_are_one_moment(lines: Lines) -> None:
    forms = ("2026-01-02 12:00:00", "2026-01-02T12:00:00Z", "2026-01-02T17:00:00+05:00")
    lines.write(*(event_line(event_id=form, timestamp=form) for form in forms))
    lines.write(*(run_line(n, start_time=form) for n, form in enumerate(forms)))
    lines.rebuild()
    moment = [("2026-01-02T12:00:00.000000+00:00",)]
    assert lines.ask("SELECT DISTINCT timestamp FROM run_events") == moment
    assert lines.ask("SELECT DISTINCT start_time FROM agent_runs") == moment


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"run_id": "torn', "it is torn, or no JSON"),
        (b'{"event_type": "\xff"}\n', "it is not UTF-8"),
        (b"[1, 2]\n", "it is JSON, but no object"),
        (b'{"hello": "world"}\n', "it is neither a run nor an event"),
        (b'{"record_type": ["run"]}\n', "it is neither a run nor an event"),
        (b'{"record_type": "run", "run_id": "x"}\n', "agent_name is missing"),
        (json.dumps(run_line(status="odd")).encode(), "unknown run status 'odd'"),
        (json.dumps(event_line(timestamp=12)).encode(), "this is no event"),
        (json.dumps(event_line(run_id={})).encode(), "run_id is a dict"),
        (b"[" * 100_000 + b"\n", "it is torn, or no JSON"),
    ],
)
def test_a_line_that_is_no_record_is_told_by_its_place_and_stops_nothing(
    lines: Lines, line: bytes, why: str
) -> None:
    lines.write(event_line(), line if line.endswith(b"\n") else line + b"\n", run_line())
    done = lines.rebuild()
    assert (done.passed_over, done.added) == (1, {"runs": 1, "events": 1})
    assert done.examples[0].startswith(f"{lines.file}:2: ")
    assert why in done.examples[0]


def test_only_the_first_few_strange_lines_are_told(lines: Lines) -> None:
    lines.write(*[b"strange\n"] * 100)
    done = lines.rebuild()
    assert (done.passed_over, len(done.examples)) == (100, 5)


def test_a_line_of_fifty_megabytes_is_a_record_like_any_other(lines: Lines) -> None:
    payload = json.dumps("x" * 50_000_000)
    lines.write(event_line(payload_json=payload), event_line(2))
    assert lines.rebuild().added["events"] == 2
    assert lines.ask("SELECT max(length(payload_json)) FROM run_events") == [(50_000_002,)]


def test_a_line_without_end_is_passed_over_and_what_follows_is_read(lines: Lines) -> None:
    lines.write(b"x" * (65 << 20) + b"\n", event_line())
    done = lines.rebuild()
    assert done.examples == [f"{lines.file}:1: it is longer than 64 MiB"]
    assert done.added["events"] == 1


def test_days_that_were_compressed_are_read(lines: Lines) -> None:
    lines.write(run_line(), event_line())
    lines.file.with_name("events_20260101.ndjson.gz").write_bytes(
        gzip.compress(REFERENCE.read_bytes())
    )
    done = lines.rebuild()
    assert (done.files, done.added) == (2, {"runs": 2, "events": 2})


def test_a_compressed_day_that_breaks_off_gives_what_it_has(lines: Lines) -> None:
    told = b"".join(json.dumps(event_line(n)).encode() + b"\n" for n in range(5000))
    packed = lines.directory / "events_20260101.ndjson.gz"
    packed.write_bytes(gzip.compress(told)[:-2000])
    lines.write(event_line(5000))
    done = lines.rebuild()
    assert 0 < done.added["events"] < 5001
    assert len(done.broken) == 1
    assert done.broken[0].startswith(f"{packed}: ")
    assert lines.ask("SELECT count(*) FROM run_events WHERE timestamp LIKE '%.005000%'") == [(1,)]


def test_a_file_that_is_not_what_its_name_says_keeps_no_other_from_being_read(
    lines: Lines,
) -> None:
    (lines.directory / "events_20260101.ndjson.gz").write_bytes(b"no gzip at all")
    (lines.directory / "events_20260103.ndjson").mkdir()
    lines.write(event_line())
    done = lines.rebuild()
    assert (len(done.broken), done.added["events"]) == (2, 1)


def test_a_day_that_is_compressed_meanwhile_is_read_from_there(lines: Lines) -> None:
    lines.write(event_line())
    files = find_files([lines.directory])
    with gzip.open(f"{lines.file}.gz", "wb") as packed:
        packed.write(lines.file.read_bytes())
    lines.file.unlink()
    done = rebuild(str(lines.database), files, wait=20, progress=lambda done, total: None)
    assert (done.added["events"], done.broken) == (1, [])


def test_where_there_are_no_files_it_says_what_it_looked_for(lines: Lines) -> None:
    (lines.directory / "notes.txt").touch()
    with pytest.raises(NoFilesError, match=r"no events_YYYYMMDD.ndjson in .*--from"):
        lines.rebuild()
    with pytest.raises(NoFilesError, match=r"no /.*nowhere.ndjson"):
        lines.rebuild(lines.directory / "nowhere.ndjson")


def test_a_database_of_a_future_schema_is_left_alone(lines: Lines) -> None:
    lines.rebuild(REFERENCE)
    with closing(sqlite3.connect(lines.database)) as connection, connection:
        connection.execute("INSERT INTO schema_migrations (version) VALUES (99)")
    before = lines.database.read_bytes()
    lines.write(event_line())
    with pytest.raises(UnknownSchemaError, match="has schema 99"):
        lines.rebuild()
    assert lines.database.read_bytes() == before


def test_a_locked_database_is_said_to_be_so(lines: Lines) -> None:
    lines.rebuild(REFERENCE)
    busy = pytest.raises(DatabaseUnusableError, match="another program keeps it locked")
    with locked(lines.database), busy:
        rebuild(str(lines.database), [REFERENCE], wait=0, progress=lambda done, total: None)


def test_a_new_database_beside_has_only_what_the_files_tell(lines: Lines) -> None:
    lines.rebuild(REFERENCE)
    lines.write(event_line())
    beside = rebuild_beside(
        str(lines.database), [lines.file], wait=20, progress=lambda done, total: None
    )
    assert beside.path == str(lines.database.with_name("telemetry.rebuilt.sqlite"))
    assert len(rows_of(beside.path, "run_events")) == 1
    assert len(lines.rows("agent_runs")) == 1
    assert list(lines.database.parent.glob("*.unfinished*")) == []


def test_no_new_database_is_made_of_nothing(lines: Lines) -> None:
    lines.write(b"no record\n")
    with pytest.raises(DatabaseUnusableError, match="the files tell of nothing"):
        rebuild_beside(
            str(lines.database), [lines.file], wait=20, progress=lambda done, total: None
        )
    assert list(lines.database.parent.iterdir()) == [lines.directory]


def test_a_new_database_takes_the_place_of_no_other(lines: Lines) -> None:
    shutil.copy(REFERENCE, lines.database.with_name("telemetry.rebuilt.sqlite"))
    with pytest.raises(DatabaseUnusableError, match="is there already"):
        rebuild_beside(str(lines.database), [REFERENCE], wait=20, progress=lambda done, total: None)

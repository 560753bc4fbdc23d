"""Files of every schema become what a new one is, and lose nothing."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sqlite import RunQueries, SqliteSink, UnknownSchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite.care.migrating import Migration

    from tests.plugins.sqlite.conftest import Story

    Migrated = Callable[..., Migration]
    Make = Callable[..., Path]


def ask(path: Path | str, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def structure(path: Path | str, *, of_others: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return all that SQLite knows of the tables and indexes of a file."""
    objects = ask(
        path, "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    )
    found: dict[str, Any] = {
        name: " ".join(sql.split()) for name, sql in objects if name not in of_others
    }
    for table in ("agent_runs", "run_events", "schema_migrations"):
        found[f"{table}: columns"] = ask(path, f"PRAGMA table_xinfo({table})")
        indexes = sorted(row[1:] for row in ask(path, f"PRAGMA index_list({table})"))
        found[f"{table}: indexes"] = indexes
    return found | {"auto_vacuum": ask(path, "PRAGMA auto_vacuum")}


@pytest.fixture
def new(tmp_path: Path, story: Story) -> Path:
    """Return a database as our sink makes it."""
    sink = SqliteSink(db_path=tmp_path / "new.sqlite")
    sink.ship_batch(story.batch(story.event()))
    sink.close()
    return Path(sink.destination())


def test_every_shape_becomes_what_a_new_database_is(
    old: Path, new: Path, migrated: Migrated
) -> None:
    migrated(old)
    assert structure(old, of_others=("commits", "idx_commits_run")) == structure(new)
    assert ask(old, "PRAGMA journal_mode") == [("delete",)]
    assert ask(old, "PRAGMA integrity_check") == [("ok",)]


def test_every_row_of_every_shape_stays(old: Path, migrated: Migrated) -> None:
    commits = "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'commits'"
    before = ask(old, commits)

    done = migrated(old)

    assert ask(
        old, "SELECT run_id, agent_name, status, start_time, created_at FROM agent_runs"
    ) == [
        (
            "run-1",
            "crawler",
            "success",
            "2025-12-01T10:00:00.000000+00:00",
            "2025-12-01T10:00:00.000000+00:00",
        ),
        (
            "run-2",
            "crawler",
            "failure",
            "2025-12-02T10:00:00.000000+00:00",
            "2025-12-02T10:00:00.000000+00:00",
        ),
        ("run-3", "importer", "running", "last tuesday", "2025-12-03T10:00:00.000000+00:00"),
    ]
    assert ask(old, "SELECT id, run_id, timestamp, payload_json FROM run_events") == [
        (1, "run-1", "2025-12-01T10:00:01.000000+00:00", '{"page": 1}'),
        (2, "run-1", "later", None),
    ]
    assert ask(old, "SELECT commit_hash, message FROM commits") == [("abc1234", "mend it")]
    assert ask(old, commits) == before
    assert done.changes is not None
    assert done.changes.rows == {"agent_runs": 3, "run_events": 2}


def test_every_run_and_event_has_an_id_of_its_own(old: Path, migrated: Migrated) -> None:
    migrated(old)
    for table, number in (("agent_runs", 3), ("run_events", 2)):
        counted = f"SELECT count(DISTINCT event_id), count(*) FROM {table}"
        assert ask(old, counted) == [(number, number)]


def test_a_migration_done_again_gives_the_same_ids(
    oldest: Path, tmp_path: Path, migrated: Migrated
) -> None:
    copy = Path(shutil.copy(oldest, tmp_path / "copy.sqlite"))
    migrated(oldest)
    migrated(copy)
    ids = "SELECT event_id FROM agent_runs UNION ALL SELECT event_id FROM run_events"
    assert ask(oldest, ids) == ask(copy, ids)


def test_an_id_that_was_there_stays(make: Make, migrated: Migrated) -> None:
    from tests.plugins.sqlite.care.conftest import SHAPES, fill

    path = make(SHAPES["6-by-run"], fill(SHAPES["6-by-run"]))
    migrated(path)
    assert ask(path, "SELECT event_id FROM agent_runs") == [("uuid-1",), ("uuid-2",), ("uuid-3",)]


def test_the_programs_before_ours_go_on_with_their_own_statements(
    old: Path, migrated: Migrated
) -> None:
    migrated(old)
    ask(
        old,
        "INSERT INTO agent_runs (event_id, run_id, created_at, start_time, end_time, agent_name,"
        " job_type, status, items_discovered, items_skipped, duration_ms, source_ref, metrics_json,"
        " context_json, api_posted, api_retry_count, parent_run_id) VALUES ('theirs', 'run-9',"
        " '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00Z', NULL, 'a', 'j', 'running', 0, 0, 0,"
        " NULL, NULL, NULL, 0, 0, NULL)",
    )
    ask(
        old,
        "UPDATE agent_runs SET status = ?, items_failed = ? WHERE event_id = 'theirs'",
        "failure",
        1,
    )
    ask(
        old,
        "UPDATE agent_runs SET git_commit_hash = 'abc1234', git_commit_source = 'ci',"
        " git_commit_author = NULL, git_commit_timestamp = NULL, updated_at = 'now'"
        " WHERE event_id = 'theirs'",
    )
    ask(old, "INSERT INTO run_events (run_id, event_type, timestamp) VALUES ('run-9', 'e', 'now')")
    assert ask(
        old,
        "SELECT * FROM agent_runs WHERE agent_name = 'a' AND status = 'failure'"
        " ORDER BY created_at DESC LIMIT 1",
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed"):
        ask(
            old,
            "INSERT INTO agent_runs (event_id, run_id, start_time, agent_name, job_type)"
            " VALUES ('theirs', 'r', 's', 'a', 'j')",
        )


def test_our_sink_writes_into_it_and_our_queries_read_it(
    old: Path, migrated: Migrated, story: Story
) -> None:
    migrated(old)
    sink = SqliteSink(db_path=old)
    sink.ship_batch(story.batch(story.run(run_id="ours", event_id="ours"), story.event()))
    sink.close()

    listed = RunQueries(str(old)).list_runs().rows

    assert [run["run_id"] for run in listed] == ["ours", "run-3", "run-2", "run-1"]
    assert len(RunQueries(str(old)).list_events("run-1").rows) == 3


def test_a_second_migration_finds_nothing_to_do_and_makes_no_backup(
    oldest: Path, migrated: Migrated
) -> None:
    backups = [Path(str(migrated(oldest).backup))]
    before = oldest.read_bytes()

    again = migrated(oldest)

    assert (again.changes, again.backup, again.reclaimed) == (None, None, False)
    assert list((oldest.parent / "backups").iterdir()) == backups
    assert oldest.read_bytes() == before


def test_the_backup_is_the_file_as_it_was(oldest: Path, migrated: Migrated) -> None:
    everything = "SELECT * FROM agent_runs"
    before = ask(oldest, everything)

    backup = Path(str(migrated(oldest).backup))

    assert ask(backup, everything) == before
    assert re.fullmatch(r"telemetry\.\d{8}T\d{6}Z\.before-migrate\.sqlite", backup.name)
    assert backup.parent == oldest.parent / "backups"
    assert backup.stat().st_mode & 0o777 == 0o600


def test_columns_of_others_stay_with_their_values(
    make: Make, oldest: Path, migrated: Migrated
) -> None:
    make("""
        ALTER TABLE agent_runs ADD COLUMN "Cost Centre" TEXT DEFAULT 'none';
        ALTER TABLE agent_runs ADD COLUMN twice INTEGER AS (items_failed * 2);
        UPDATE agent_runs SET "Cost Centre" = 'x', items_failed = 4 WHERE run_id = 'run-2';
    """)
    migrated(oldest)
    assert ask(oldest, 'SELECT "Cost Centre", twice FROM agent_runs') == [
        ("none", 0),
        ("x", 8),
        ("none", 0),
    ]
    assert migrated(oldest).changes is None


def test_a_column_of_others_keeps_its_default(make: Make, migrated: Migrated) -> None:
    path = make("""
        CREATE TABLE agent_runs (run_id, agent_name, job_type, start_time, status,
            noted TEXT NOT NULL DEFAULT (datetime('now')), at TEXT DEFAULT CURRENT_TIMESTAMP,
            word TEXT DEFAULT 'it''s', number INTEGER DEFAULT -1);
        INSERT INTO agent_runs (run_id, noted) VALUES ('r', 'then');
    """)
    migrated(path)
    ask(
        path,
        "INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, start_time)"
        " VALUES ('new', 'n', 'a', 'j', '2026')",
    )
    old, new = ask(path, "SELECT noted, word, number, at IS NULL FROM agent_runs ORDER BY id")
    assert old == ("then", "it's", -1, 0)
    assert new[0] > "2026"
    assert new[1:] == ("it's", -1, 0)


def test_tables_indexes_triggers_and_views_of_others_stay(
    make: Make, oldest: Path, migrated: Migrated
) -> None:
    make("""
        CREATE TABLE notes (run_id TEXT REFERENCES agent_runs(run_id), note TEXT);
        INSERT INTO notes VALUES ('run-1', 'mine');
        CREATE INDEX my_index ON agent_runs (host);
        CREATE VIEW recent AS SELECT run_id FROM agent_runs ORDER BY created_at DESC;
        CREATE VIEW broken AS SELECT gone FROM nowhere;
        CREATE TRIGGER noted AFTER INSERT ON agent_runs BEGIN
            INSERT INTO notes VALUES (new.run_id, 'begun; and noted'); END;
    """)
    objects = "SELECT name, sql FROM sqlite_master WHERE name IN " + str(
        ("notes", "my_index", "recent", "broken", "noted")
    )
    before = sorted(ask(oldest, objects))

    done = migrated(oldest)

    assert sorted(ask(oldest, objects)) == before
    assert ask(oldest, "SELECT * FROM notes") == [("run-1", "mine")]
    assert ask(oldest, "SELECT * FROM recent") == [("run-3",), ("run-2",), ("run-1",)]
    assert done.changes is not None
    assert {"table notes", "index my_index", "view recent"} <= set(done.changes.kept)


def test_an_index_that_no_longer_holds_is_left_out_and_named(
    make: Make, oldest: Path, migrated: Migrated
) -> None:
    make(
        "UPDATE agent_runs SET items_failed = -rowid;"
        "CREATE UNIQUE INDEX mine ON agent_runs (items_failed);"
    )
    done = migrated(oldest)
    assert done.changes is not None
    assert done.changes.left == ["index mine: UNIQUE constraint failed: agent_runs.items_failed"]


def test_what_our_tables_refuse_is_mended_and_what_it_was_is_kept(
    make: Make, oldest: Path, migrated: Migrated
) -> None:
    make("""
        PRAGMA ignore_check_constraints = ON;
        ALTER TABLE agent_runs ADD COLUMN context_json TEXT;
        UPDATE agent_runs SET items_failed = -3, status = 'exploded', context_json = '{"a": 1}'
            WHERE run_id = 'run-1';
        UPDATE agent_runs SET duration_ms = -1, context_json = 'no JSON' WHERE run_id = 'run-2';
    """)

    done = migrated(oldest)

    one, two, three = ask(oldest, "SELECT status, items_failed, context_json FROM agent_runs")
    before = {"items_failed": -3, "status": "exploded"}
    assert one[:2] == ("running", 0)
    assert json.loads(one[2]) == {"a": 1, "before_migration": before}
    assert json.loads(two[2]) == {
        "before_migration": {"duration_ms": -1, "context_json": "no JSON"}
    }
    assert three[2] is None
    assert done.changes is not None
    assert done.changes.mended == {"items_failed": 1, "status": 1, "duration_ms": 1}
    assert done.changes.statuses == {"exploded → running": 1, "failed → failure": 1}


def test_a_table_without_any_constraint_is_mended_too(make: Make, migrated: Migrated) -> None:
    path = make("""
        CREATE TABLE agent_runs (event_id, run_id, agent_name, job_type, start_time, created_at, status);
        INSERT INTO agent_runs VALUES ('twice', 'r1', 'a', 'j', NULL, '2025-01-01', 'Completed');
        INSERT INTO agent_runs VALUES ('twice', 'r1', NULL, NULL, NULL, NULL, NULL);
        INSERT INTO agent_runs VALUES ('', NULL, 'a', 'j', NULL, NULL, 'canceled');
        INSERT INTO agent_runs VALUES (7, CAST(x'72ff' AS TEXT), 'a', 'j', NULL, NULL, 'canceled');
    """)

    done = migrated(path)

    day, epoch = "2025-01-01T00:00:00.000000+00:00", "1970-01-01T00:00:00.000000+00:00"
    found = ask(path, "SELECT run_id, agent_name, start_time, status FROM agent_runs")
    assert found == [
        ("r1", "a", day, "success"),
        ("r1", "unknown", epoch, "running"),
        ("unknown", "a", epoch, "cancelled"),
        ("r\\xff", "a", epoch, "cancelled"),
    ]
    (first,), (second,), *_ = ask(path, "SELECT event_id FROM agent_runs ORDER BY id")
    assert first == "twice" != second
    assert done.changes is not None
    assert done.changes.mended["event_id"] == 1
    assert done.changes.made == {"agent_runs": 1}


def test_a_history_that_says_more_than_ours_can_hold_stays_beside_it(
    make: Make, oldest: Path, migrated: Migrated
) -> None:
    make(
        "DROP TABLE schema_migrations; CREATE TABLE schema_migrations (version TEXT, who TEXT);"
        "INSERT INTO schema_migrations VALUES ('4', 'me'), ('four and a half', 'you');"
    )
    migrated(oldest)
    assert ask(oldest, "SELECT version FROM schema_migrations") == [(4,), (7,)]
    assert ask(oldest, "SELECT who FROM schema_migrations_old") == [("me",), ("you",)]


def test_a_link_to_the_file_stays_a_link(oldest: Path, tmp_path: Path, migrated: Migrated) -> None:
    link = tmp_path / "elsewhere" / "link.sqlite"
    link.parent.mkdir()
    link.symlink_to(oldest)
    done = migrated(link)
    assert link.is_symlink()
    assert Path(str(done.backup)).parent == oldest.parent / "backups"
    assert migrated(oldest).changes is None


def test_a_file_with_only_the_wrong_kind_of_vacuum_is_rewritten(
    new: Path, tmp_path: Path, migrated: Migrated
) -> None:
    path = tmp_path / "rewritten.sqlite"
    with closing(sqlite3.connect(new)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM INTO ?", (str(path),))
    ask(path, "PRAGMA auto_vacuum = NONE")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA auto_vacuum = NONE; VACUUM")

    done = migrated(path)

    assert (done.changes, done.backup, done.reclaimed) == (None, None, True)
    assert ask(path, "PRAGMA auto_vacuum") == [(2,)]


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE recipes (name TEXT)",
        "CREATE TABLE schema_migrations (version INTEGER); INSERT INTO schema_migrations VALUES (3)",
        """CREATE TABLE schema_migrations (version INTEGER); CREATE TABLE agent_runs (run_id);
        INSERT INTO schema_migrations VALUES (8)""",
    ],
)
def test_what_is_not_ours_or_newer_is_refused_and_left_alone(
    make: Make, migrated: Migrated, script: str
) -> None:
    path = make(script)
    before = path.read_bytes()
    with pytest.raises(UnknownSchemaError):
        migrated(path)
    assert path.read_bytes() == before
    assert not (path.parent / "backups").exists()

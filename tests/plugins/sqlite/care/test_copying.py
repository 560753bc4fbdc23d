"""Copies of a database that others use, and whether a file is sound."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.care.copying import copy_database, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

# Prints how many transactions are committed, each of which wrote two tables.
WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("CREATE TABLE IF NOT EXISTS left (n)")
connection.execute("CREATE TABLE IF NOT EXISTS right (n)")
for number in range(100_000):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO left VALUES (?)", (number,))
    connection.execute("INSERT INTO right VALUES (?)", (number,))
    connection.execute("COMMIT")
    print(number, flush=True)
    time.sleep(0.002)
"""

COPIER = """
import sys, time
from telemetry_sqlite.care.copying import copy_database

def progress(done, total):
    print("in the middle", flush=True)
    sys.stdin.read()

copy_database(*sys.argv[1:], progress=progress)
"""


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    sink.ship_batch(story.batch(story.run(), *(story.event() for _ in range(200))))
    sink.close()
    return sink.destination()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "copy.sqlite"


@pytest.fixture
def writer(database: str) -> Iterator[subprocess.Popen[str]]:
    """Start a foreign program that writes without a pause."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, database], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def ask(path: str | Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_a_copy_has_every_row_and_is_for_its_owner_only(database: str, target: Path) -> None:
    copy_database(database, str(target))

    assert verify(str(target)) == []
    assert ask(target, "SELECT count(*) FROM run_events") == [(200,)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(target.parent) == [target.name]


def test_a_copy_made_while_another_program_writes_is_of_one_moment_and_comes_to_an_end(
    database: str, target: Path, writer: subprocess.Popen[str]
) -> None:
    many_steps = "CREATE TABLE large AS SELECT zeroblob(9000000)"
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        connection.execute(many_steps)

    copy_database(database, str(target))

    (left,), (right,) = ask(
        target, "SELECT count(*) FROM left UNION ALL SELECT count(*) FROM right"
    )
    assert left == right
    assert writer.poll() is None
    assert verify(str(target)) == []


def test_a_copy_is_told_how_far_it_has_come(database: str, target: Path) -> None:
    told: list[tuple[int, int]] = []
    copy_database(database, str(target), lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == ask(target, "PRAGMA page_count")[0][0]


def test_an_existing_file_is_never_overwritten(database: str, target: Path) -> None:
    target.write_text("precious")
    with pytest.raises(FileExistsError):
        copy_database(database, str(target))
    assert target.read_text() == "precious"
    assert os.listdir(target.parent) == [target.name]


def test_the_copy_of_a_file_in_wal_mode_stands_by_itself(database: str, target: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO run_events (event_type, timestamp) VALUES ('in wal', '')")
        connection.commit()

        copy_database(database, str(target))

    assert ask(target, "PRAGMA journal_mode") == [("delete",)]
    assert ask(target, "SELECT count(*) FROM run_events") == [(201,)]


def test_a_killed_copy_leaves_no_half_file_and_the_next_one_cleans_up(
    database: str, target: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COPIER, database, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = os.listdir(target.parent)
    assert left.endswith(".unfinished")

    copy_database(database, str(target))

    assert os.listdir(target.parent) == [target.name]


def test_a_copy_leaves_alone_what_a_living_process_is_writing(database: str, target: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COPIER, database, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        copy_database(database, str(target))
        assert len(os.listdir(target.parent)) == 2
        process.kill()


def test_a_full_disk_is_an_error_and_leaves_nothing(database: str, target: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises((sqlite3.Error, OSError)):
            copy_database(database, str(target))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(target.parent) == []


def test_what_is_not_there_is_not_copied_and_not_made(tmp_path: Path, target: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        copy_database(f"{tmp_path}/nowhere.sqlite", str(target))
    assert not Path(f"{tmp_path}/nowhere.sqlite").exists()
    assert os.listdir(target.parent) == []


def test_a_damaged_file_is_not_sound(database: str) -> None:
    image = bytearray(Path(database).read_bytes())
    image[8192:] = b"x" * (len(image) - 8192)
    Path(database).write_bytes(image)
    assert "damaged" in verify(database)[0] or "malformed" in verify(database)[0]


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("CREATE TABLE recipes (name TEXT)", "belongs to another program"),
        (
            """CREATE TABLE agent_runs (a); CREATE TABLE schema_migrations (version INT);
            INSERT INTO schema_migrations VALUES (99)""",
            "has schema 99",
        ),
        ("", "is not there, or empty"),
    ],
)
def test_a_sound_file_that_is_not_ours_is_not_for_us(
    tmp_path: Path, script: str, complaint: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "other")) as connection:
        connection.executescript(script)
    (found,) = verify(f"{tmp_path}/other")
    assert complaint in found

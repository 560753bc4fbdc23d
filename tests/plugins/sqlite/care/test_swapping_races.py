"""A restore in the middle of what others do with the old file, each at its worst moment."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError
from telemetry_sqlite.care import swapping
from telemetry_sqlite.care.ageing import EVENTS, Tally, windows
from telemetry_sqlite.care.backups import back_up, folder_of
from telemetry_sqlite.care.copying import copy_database, verify
from telemetry_sqlite.care.exporting import Choice, rows_of
from telemetry_sqlite.care.restoring import restore
from telemetry_sqlite.care.retention import sweep

from telemetry_core import parse_iso8601, sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

    Patch = pytest.MonkeyPatch

COUNT, LATER = 2100, 20
BEFORE = parse_iso8601("2021-01-01T00:00:00Z")


@pytest.fixture
def database(sink: SqliteSink, story: Story) -> str:
    """Return a database that is read in several goes."""
    events = (story.event(f"old-{n}", payload={"text": "x" * 2000}) for n in range(COUNT))
    sink.ship_batch(story.batch(*events))
    return sink.destination()


@pytest.fixture
def backup(sink: SqliteSink, story: Story, database: str) -> str:
    """Return a backup without the last events of the database."""
    backup = back_up(database)
    sink.ship_batch(story.batch(*(story.event(payload={"text": "x" * 2000}) for _ in range(LATER))))
    return backup


def count(path: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM run_events").fetchone()[0])


@contextmanager
def writing(database: str) -> Iterator[None]:
    """Write so much in one transaction that its journal is one that others would play back."""
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 5")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE run_events SET event_type = 'changed' WHERE id < 20")
        yield
        writer.execute("COMMIT")  # an error, when somebody took its journal


def test_one_who_has_the_old_file_open_for_ever_does_not_spoil_what_is_kept_of_it(
    database: str, backup: str
) -> None:
    with closing(sqlite3.connect(database)) as shell:
        shell.execute("SELECT count(*) FROM agent_runs").fetchone()
        safety = str(restore(database, backup, wait=1).safety)
        with suppress(sqlite3.Error), writing(database):
            shell.execute("SELECT count(*) FROM run_events").fetchone()
    assert count(safety) == COUNT + LATER
    assert verify(safety) == verify(database) == []


def test_an_export_ends_when_another_file_takes_the_databases_place(
    database: str, backup: str
) -> None:
    pages = rows_of(database, "events", Choice(), lambda done, total: None)
    next(pages)
    restore(database, backup, wait=1)
    with writing(database), pytest.raises(DatabaseUnusableError, match="another file took"):
        next(pages)


def test_a_look_at_what_is_old_ends_when_another_file_takes_the_databases_place(
    database: str, backup: str
) -> None:
    looks = windows(database, EVENTS)
    next(looks)
    restore(database, backup, wait=1)
    with writing(database), pytest.raises(DatabaseUnusableError, match="another file took"):
        next(looks)


def test_a_copy_begins_anew_when_another_file_takes_the_databases_place(
    database: str, backup: str, tmp_path: Path
) -> None:
    restored: list[object] = []

    def progress(done: int, total: int) -> None:
        if not restored:
            restored.append(restore(database, backup, wait=1))

    copy_database(database, str(tmp_path / "copy"), progress)

    assert count(str(tmp_path / "copy")) == COUNT


def test_two_restores_at_once_keep_both_files_that_they_replace(
    database: str, backup: str, monkeypatch: Patch
) -> None:
    begun, move = threading.Event(), swapping._move_companions
    other = threading.Thread(
        target=restore,
        args=(database, backup),
        kwargs={"wait": 30, "progress": lambda done, total: begun.set()},
    )

    def move_once_the_other_has_begun(path: str, name: str) -> None:
        if not begun.is_set():
            other.start()
            begun.wait(10)
        move(path, name)

    monkeypatch.setattr(swapping, "_move_companions", move_once_the_other_has_begun)
    safety = restore(database, backup, wait=1).safety
    other.join()

    assert safety is not None
    assert count(safety) == COUNT + LATER
    assert len(os.listdir(folder_of(database))) == 3


def test_nobody_writes_into_the_old_file_while_it_is_copied_to_another_disk(
    database: str, backup: str, monkeypatch: Patch
) -> None:
    move = swapping._move_companions
    link = os.link

    def refuse(path: str, name: str) -> None:
        if path == database:
            raise OSError(errno.EXDEV, "another disk")
        link(path, name)

    def try_to_write(path: str, name: str) -> None:
        if path == database:
            refused.append(_is_refused(database))
        move(path, name)

    refused: list[bool] = []
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(swapping, "_move_companions", try_to_write)

    assert count(str(restore(database, backup, wait=1).safety)) == COUNT + LATER
    assert refused == [True]


def _is_refused(database: str) -> bool:
    """Whether another program has to wait; POSIX locks do not hold within a process."""
    script = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, database], capture_output=True, check=False
    )
    return b"database is locked" in done.stderr


def test_the_old_file_is_replaced_only_once_the_disk_knows_its_other_name(
    database: str, backup: str, monkeypatch: Patch
) -> None:
    sync = sync_directory

    def fail_for_backups(path: str) -> None:
        if path == folder_of(database):
            raise OSError(errno.EIO, "the disk is broken")
        sync(path)

    monkeypatch.setattr("telemetry_sqlite.care.swapping.sync_directory", fail_for_backups)
    with pytest.raises(DatabaseUnusableError, match=r"stays as it was: .*broken"):
        restore(database, backup, wait=1)
    assert count(database) == COUNT + LATER


def test_events_of_another_file_that_took_its_place_are_not_taken_for_the_old_ones(
    sink: SqliteSink, story: Story, tmp_path: Path
) -> None:
    database = sink.destination()
    sink.ship_batch(story.batch(*(story.event(run_id=None) for _ in range(500))))
    backup = back_up(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE run_events SET timestamp = '2020-01-01T00:00:00+00:00'")
    restored: list[object] = []

    def progress(deleted: int) -> None:
        if not restored:
            restored.append(restore(database, backup, wait=1))

    with pytest.raises(DatabaseUnusableError, match="another file took"):
        sweep(database, BEFORE, Tally(), progress)

    assert count(database) == 500

"""What keeps a migration from happening leaves the file as it was."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite import DatabaseUnusableError, schema
from telemetry_sqlite.care.migrating import migrate, rehearse

from tests.plugins.sqlite.care.conftest import SHAPES, fill
from tests.plugins.sqlite.processes import outcome_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry_sqlite.care.migrating import Migration

    Migrated = Callable[..., Migration]
    Make = Callable[..., Path]

NOBODY = 65534


@contextmanager
def left_alone(path: Path) -> Iterator[None]:
    """See to it that the file is what it was, and that nothing lies beside it."""
    before = path.read_bytes()
    yield
    assert path.read_bytes() == before
    backups = path.parent / "backups"
    assert not backups.exists() or list(backups.iterdir()) == []


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_file_that_stays_locked_is_said_to_be_so_after_the_wait(
    oldest: Path, migrated: Migrated, lock: str
) -> None:
    with closing(sqlite3.connect(oldest, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        with (
            left_alone(oldest),
            pytest.raises(DatabaseUnusableError, match="another program"),
        ):
            migrated(oldest, wait=0.2)


def test_a_reader_that_stays_keeps_the_file_as_it_was(oldest: Path, migrated: Migrated) -> None:
    with closing(sqlite3.connect(oldest, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM agent_runs").fetchone()
        with left_alone(oldest), pytest.raises(DatabaseUnusableError, match="another program"):
            migrated(oldest, wait=0.2)


def test_a_turn_that_is_not_given_back_is_said_to_be_a_lock(
    oldest: Path, migrated: Migrated
) -> None:
    with open(f"{oldest}.writer.lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with left_alone(oldest), pytest.raises(DatabaseUnusableError, match="another program"):
            migrated(oldest, wait=0.1)


def test_a_file_that_another_program_holds_in_wal_mode_stays_as_it_was(
    make: Make, migrated: Migrated
) -> None:
    path = make("PRAGMA journal_mode = WAL;", SHAPES["6-by-run"], fill(SHAPES["6-by-run"]))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("SELECT * FROM agent_runs").fetchone()
        with pytest.raises(DatabaseUnusableError, match="another program"):
            migrated(path, wait=0.2)
        assert other.execute("SELECT count(*) FROM agent_runs").fetchone() == (3,)
    assert migrated(path).changes is not None


def test_what_a_killed_program_left_in_its_wal_is_carried_over(
    make: Make, tmp_path: Path, migrated: Migrated
) -> None:
    path = make("PRAGMA journal_mode = WAL;", SHAPES["6-by-run"])

    def write_and_die() -> None:
        connection = sqlite3.connect(path)
        connection.executescript(fill(SHAPES["6-by-run"]))
        os.kill(os.getpid(), signal.SIGKILL)

    outcome_in_child(write_and_die, lambda: None)
    assert Path(f"{path}-wal").stat().st_size > 0

    done = migrated(path)

    assert done.changes is not None
    assert done.changes.rows["agent_runs"] == 3
    assert not Path(f"{path}-wal").exists()


def test_an_interrupted_migration_leaves_the_old_file_and_no_backup(oldest: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with left_alone(oldest), pytest.raises(KeyboardInterrupt):
        migrate(str(oldest), wait=5, progress=interrupt)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_found_damaged_and_left_alone(
    oldest: Path, migrated: Migrated, part: float
) -> None:
    os.truncate(oldest, int(oldest.stat().st_size * part))
    with left_alone(oldest), pytest.raises(DatabaseUnusableError, match="malformed"):
        migrated(oldest)


def test_a_file_with_damaged_pages_is_found_damaged_and_left_alone(
    oldest: Path, migrated: Migrated
) -> None:
    image = bytearray(oldest.read_bytes())
    image[-4096:] = os.urandom(4096)
    oldest.write_bytes(image)
    with left_alone(oldest), pytest.raises(DatabaseUnusableError):
        migrated(oldest)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give it up")
@pytest.mark.parametrize(
    ("file", "directory", "said"),
    [(0o644, 0o777, "readonly database"), (0o666, 0o755, "Permission denied")],
)
def test_what_may_not_be_written_stays_as_it_was(
    oldest: Path, migrated: Migrated, file: int, directory: int, said: str
) -> None:
    schema.names()  # the child may not be allowed to import what this reads
    with TemporaryDirectory() as open_to_all:
        path = Path(shutil.copy(oldest, open_to_all))
        path.chmod(file)
        path.parent.chmod(directory)
        with left_alone(path):
            complaint = outcome_in_child(lambda: migrated(path), lambda: os.setuid(NOBODY))
    assert complaint.startswith("DatabaseUnusableError")
    assert said in complaint


@pytest.mark.parametrize("room", [0, 20_000, 60_000])
def test_a_full_disk_leaves_the_file_as_it_was(make: Make, migrated: Migrated, room: int) -> None:
    more = "INSERT INTO run_events (run_id, event_type, timestamp, payload_json) VALUES (1, 2, 3, hex(randomblob(20000)));"
    path = make(SHAPES["1-by-run"], fill(SHAPES["1-by-run"]), more * 3)

    def fill_the_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = path.stat().st_size + room
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with left_alone(path):
        said = outcome_in_child(lambda: migrated(path), fill_the_disk)
    assert "stays as it was" in said
    assert migrated(path).changes is not None


@pytest.mark.parametrize("act", [migrate, rehearse])
def test_an_id_that_is_no_number_is_refused_with_what_to_do(
    make: Make, act: Callable[..., Migration]
) -> None:
    path = make("""
        CREATE TABLE agent_runs (id TEXT PRIMARY KEY, run_id, agent_name, job_type, start_time, status);
        INSERT INTO agent_runs (id) VALUES ('mine');
    """)
    with (
        left_alone(path),
        pytest.raises(DatabaseUnusableError, match=f"^{path} .* otherwise first"),
    ):
        act(str(path), wait=5, progress=lambda done, total: None)


def test_a_file_that_cannot_be_rewritten_now_is_whole_and_says_why(
    make: Make, migrated: Migrated
) -> None:
    path = make(schema.script())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM agent_runs").fetchall()
        done = migrated(path, wait=0.2)
        assert (done.changes, done.reclaimed, done.warning) == (None, False, "database is locked")
    assert migrated(path).reclaimed

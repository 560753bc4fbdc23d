from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.turn import Turn

from tests.forked import ended, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None
from telemetry_core.models import RunRecord
from telemetry_sqlite import DatabaseWriter
print(DatabaseWriter(sys.argv[1]).insert_run(RunRecord("run-1", "crawler", "nightly")))
"""


def test_where_there_is_no_flock_writing_goes_on_without_turns(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_FCNTL, str(tmp_path / "runs.sqlite")]

    answer = subprocess.run(command, capture_output=True, check=True, text=True)

    assert answer.stdout == "(True, '[OK] Run stored: run-1')\n"
    assert not (tmp_path / "runs.sqlite.writer.lock").exists()


def test_a_lock_file_that_cannot_be_made_is_no_reason_not_to_write(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite.writer.lock").mkdir()

    with Turn(str(tmp_path / "runs.sqlite")):
        pass


def test_a_turn_ends_with_its_block_also_after_an_error(tmp_path: Path) -> None:
    turn = Turn(str(tmp_path / "runs.sqlite"))
    for _ in range(2):
        try:
            with turn:
                raise LookupError
        except LookupError:
            continue

    with turn:
        assert (tmp_path / "runs.sqlite.writer.lock").exists()


def test_a_link_and_the_file_it_leads_to_have_one_turn(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "runs.sqlite")

    with (
        Turn(str(link)),
        pytest.raises(BlockingIOError),
        Turn(str(tmp_path / "runs.sqlite"), patience=0),
    ):
        pass


def test_a_wait_with_a_limit_ends_with_it(tmp_path: Path) -> None:
    database = str(tmp_path / "runs.sqlite")
    with (
        held_elsewhere(database),
        pytest.raises(BlockingIOError, match="another writer"),
        Turn(database, patience=0.05),
    ):
        pass


def test_a_wait_with_a_limit_comes_to_its_turn(tmp_path: Path) -> None:
    database = str(tmp_path / "runs.sqlite")
    with held_elsewhere(database) as release, ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: Turn(database, patience=60).__enter__())
        while not queueing():
            os.sched_yield()
        release()
        turn = waiting.result()
        with pytest.raises(BlockingIOError), Turn(database, patience=0):
            pass
        turn.__exit__(None, None, None)
    with Turn(database, patience=0):
        pass


def test_waits_that_were_given_up_are_taken_over_and_never_keep_the_turn(tmp_path: Path) -> None:
    database = str(tmp_path / "runs.sqlite")
    with held_elsewhere(database):
        for _ in range(5):
            with pytest.raises(BlockingIOError), Turn(database, patience=0.01):
                pass
        assert len(queueing()) == 1
    for _ in range(3):
        with Turn(database, patience=60):
            pass
    for thread in queueing():
        thread.join()
    with Turn(database, patience=0):
        pass


def test_a_child_forked_while_its_parent_waits_has_a_queue_of_its_own(tmp_path: Path) -> None:
    database = str(tmp_path / "runs.sqlite")
    with held_elsewhere(database) as release:
        with pytest.raises(BlockingIOError), Turn(database, patience=0.01):
            pass

        def wait() -> None:
            with pytest.raises(BlockingIOError), Turn(database, patience=0.01):
                pass

        assert ended(forked(wait)) == 0
        release()
        with Turn(database, patience=60):
            pass


def queueing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "telemetry-turn"]


@contextmanager
def held_elsewhere(database: str) -> Iterator[Callable[[], None]]:
    """Hold the turn as another program does, until the end or until it is told to let go."""
    with open(f"{database}.writer.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)


def test_a_child_forked_within_a_turn_closes_no_file_of_its_own_at_its_end(tmp_path: Path) -> None:
    with Turn(str(tmp_path / "runs.sqlite")) as turn:
        number = turn._descriptor

        def leave() -> None:
            assert os.open(tmp_path / "own", os.O_WRONLY | os.O_CREAT) == number
            turn.__exit__(None, None, None)
            os.write(number, b"still open")

        assert ended(forked(leave)) == 0

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from telemetry_sqlite.turn import Turn

from tests.forked import ended, forked

if TYPE_CHECKING:
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


def test_a_child_forked_within_a_turn_closes_no_file_of_its_own_at_its_end(tmp_path: Path) -> None:
    with Turn(str(tmp_path / "runs.sqlite")) as turn:
        number = turn._descriptor

        def leave() -> None:
            assert os.open(tmp_path / "own", os.O_WRONLY | os.O_CREAT) == number
            turn.__exit__(None, None, None)
            os.write(number, b"still open")

        assert ended(forked(leave)) == 0

"""`dlq` shows what a sink refused for good, and clears it when told twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core.delivery.dead_letters import DeadLetters

# What is imported later could not be: the interpreter may be root's own.
AS_NOBODY = """
import os
from telemetry_core.cli.app import telemetry
run = lambda *args: telemetry(["dlq", *args], standalone_mode=False)
run("list"); run("clear", "--dry-run")
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
print("from here on nobody")
print("codes:", run("list"), run("clear", "--yes"))
"""


def test_letters_are_listed_with_their_reason(call: Any, ask: Any, bury: Any) -> None:
    bury(2)
    told = ask("dlq", "list")
    assert [one["id"] for one in told["letters"]] == ["bad-000001", "bad-000000"]
    assert told["letters"][0]["reason"] == "no distinct_id"
    assert "event tick" in call("dlq", "list").stdout


def test_no_more_are_listed_than_asked_and_the_rest_is_told(call: Any, ask: Any, bury: Any) -> None:
    bury(5)
    assert "and 3 more" in call("dlq", "list", "--limit", "2").stdout
    told = ask("dlq", "list", "--limit", "2")
    assert (len(told["letters"]), told["total"]) == (2, 5)


def test_letters_are_filtered_by_sink_and_code(ask: Any, bury: Any) -> None:
    bury(1, code="bad")
    bury(2, code="worse")
    bury(4, sink="gone")
    assert ask("dlq", "list", "--code", "worse")["total"] == 2
    assert ask("dlq", "list", "--sink", "gone")["total"] == 4
    assert ask("dlq", "list", "--older-than", "1h")["total"] == 0


def test_one_is_shown_by_the_beginning_of_its_id(call: Any, ask: Any, bury: Any) -> None:
    bury(2, path="a\x1b[2J")
    (letter,) = ask("dlq", "show", "bad-000001")["letters"]
    assert letter["record"]["payload"] == {"n": 1, "path": "a\x1b[2J"}
    shown = call("dlq", "show", "bad-00000").stdout
    assert shown.count("refused by shaky") == 2
    assert "no distinct_id" in shown
    assert "\x1b[2J" not in shown


def test_a_record_of_a_later_version_is_shown_as_it_is(call: Any, bury: Any, store: Path) -> None:
    bury(1)
    with closing(sqlite3.connect(store / "dead_letters.sqlite")) as database, database:
        database.execute("""UPDATE dead_letters SET line = CAST('{"kind":"poem"}' AS BLOB)""")
    assert '{"kind":"poem"}' in call("dlq", "show").stdout


@pytest.mark.parametrize("args", [(), ("nothing-such",)])
def test_showing_nothing_is_an_answer(call: Any, args: tuple[str, ...]) -> None:
    done = call("dlq", "show", *args)
    assert done.exit_code == 1
    assert "there is no such dead letter" in done.stderr
    assert "telemetry dlq list" in done.stderr


def test_an_empty_list_is_all_well_and_makes_no_file(call: Any, store: Path) -> None:
    assert call("dlq", "list").exit_code == 0
    assert not store.exists()


def test_a_sink_that_nobody_knows_is_a_misuse(call: Any, bury: Any) -> None:
    bury(1)
    done = call("dlq", "list", "--sink", "shakey")
    assert done.exit_code == 2
    assert "did you mean 'shaky'?" in done.stderr


def test_clearing_asks_and_deletes_nothing_unasked(
    call: Any, bury: Any, letters: DeadLetters
) -> None:
    bury(2)
    done = call("dlq", "clear")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert letters.count() == {"shaky": 2}


def test_a_dry_run_deletes_nothing(ask: Any, bury: Any, letters: DeadLetters) -> None:
    bury(2)
    told = ask("dlq", "clear", "--dry-run")
    assert (told["found"], told["deleted"]) == (2, 0)
    assert letters.count() == {"shaky": 2}


def test_only_what_is_meant_is_cleared(ask: Any, bury: Any, letters: DeadLetters) -> None:
    bury(2, code="worse")
    bury(1200)
    assert ask("dlq", "clear", "--yes", "--older-than", "1h")["deleted"] == 0
    assert ask("dlq", "clear", "--yes", "--code", "bad", "--limit", "1100")["deleted"] == 1100
    assert letters.count() == {"shaky": 102}


def test_a_damaged_file_is_set_aside_and_said(call: Any, store: Path) -> None:
    store.mkdir()
    (store / "dead_letters.sqlite").write_bytes(b"no database at all " * 100)
    done = call("dlq", "list")
    assert done.exit_code == 0
    assert "is damaged; it is kept as" in done.stderr


def test_a_file_that_another_program_holds_is_said(
    call: Any, bury: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(1)
    monkeypatch.setattr("telemetry_core.delivery.dead_letters._BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(store / "dead_letters.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = call("dlq", "clear", "--yes")
    assert done.exit_code == 1
    assert "another program is at work on them; try again" in done.stderr


def test_who_may_only_read_can_look_and_is_told_why_no_more(bury: Any, store: Path) -> None:
    bury(1)
    with TemporaryDirectory() as readable:
        copied = shutil.copy(store / "dead_letters.sqlite", readable)
        os.chmod(copied, 0o444)
        os.chmod(readable, 0o555)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY],
            cwd=readable,
            env={**os.environ, "TELEMETRY_BASE_DIR": readable, "PWD": readable},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        os.chmod(readable, 0o755)
    seen = done.stdout.partition("from here on nobody")[2]
    assert "bad-000000" in seen
    assert "codes: 0 1" in seen
    assert "check that the disk has room and that the file belongs to you" in done.stderr


def test_a_reader_who_has_seen_enough_is_no_news(bury: Any) -> None:
    bury(3000)
    code = "from telemetry_core.cli import main; main()"
    args = [sys.executable, "-c", code, "dlq", "list", "--limit", "3000"]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1
    process.stderr.close()

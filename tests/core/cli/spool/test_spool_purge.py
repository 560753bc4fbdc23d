"""`spool purge` drops what one sink is owed, and nothing that another one is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

KILLED_AT = """
import os, signal
from telemetry_core.delivery.spool.{module} import {owner}
def killed(self, *args, **options):
    os.kill(os.getpid(), signal.SIGKILL)
{owner}.{name} = killed
from telemetry_core.cli import main; main()
"""
PLACES = [
    {"module": "owner", "owner": "Owner", "name": "save"},
    {"module": "cursor", "owner": "Cursor", "name": "forget"},
    {"module": "folder", "owner": "Folder", "name": "release_segments"},
    {"module": "folder", "owner": "Folder", "name": "_remove_the_rest"},
]


def test_one_sinks_records_are_dropped_and_the_others_delivered(
    call: Any, ask: Any, killed: Any
) -> None:
    killed()
    told = ask("spool", "purge", "--sink", "ndjson", "--yes")
    assert list(told["dropped"].values()) == [3]
    (folder,) = ask("spool", "ls")["folders"]
    assert folder["pending"] == {"sqlite": 3}
    assert call("flush").exit_code == 0
    (run,) = ask("runs", "list")["runs"]
    assert len(ask("runs", "show", run["run_id"])["events"]) == 3
    assert ask("spool", "ls")["folders"] == []


def test_a_folder_that_is_owed_to_nobody_else_goes_whole(
    call: Any, killed: Any, store: Path
) -> None:
    killed()
    call("spool", "purge", "--sink", "ndjson", "--yes")
    call("spool", "purge", "--sink", "sqlite", "--yes")
    assert [path.name for path in (store / "spool").glob("*") if path.name[0] != "."] == []
    assert call("status").exit_code == 0


def test_what_a_living_program_holds_is_reported_and_left(call: Any, ask: Any, alive: Any) -> None:
    alive()
    done = call("spool", "purge", "--sink", "ndjson", "--yes")
    assert done.exit_code == 1
    assert "with 3 records is left alone: its program is alive" in done.stdout
    assert ask("spool", "ls")["folders"][0]["pending"]["ndjson"] == 3


def test_what_a_full_disk_does_not_let_go_is_reported_and_left(
    call: Any, ask: Any, killed: Any, store: Path
) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    Path(f"{owner}.{os.getpid()}-{threading.get_ident()}.tmp").mkdir()  # where it is written first
    done = call("spool", "purge", "--sink", "ndjson", "--yes")
    assert done.exit_code == 1
    assert "with 3 records is left alone: the disk takes no files" in done.stdout
    assert ask("spool", "ls")["folders"][0]["pending"]["ndjson"] == 3


def test_nothing_is_dropped_unasked(call: Any, ask: Any, killed: Any) -> None:
    killed()
    done = call("spool", "purge", "--sink", "ndjson")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    told = ask("spool", "purge", "--sink", "ndjson", "--dry-run")
    assert list(told["dropped"].values()) == [3]
    assert ask("spool", "ls")["folders"][0]["pending"]["ndjson"] == 3


def test_an_unknown_format_is_left_alone(call: Any, killed: Any, store: Path) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    owner.write_text(json.dumps({**json.loads(owner.read_text()), "format": 99}))
    before = {path: path.read_bytes() for path in owner.parent.rglob("*") if path.is_file()}
    done = call("spool", "purge", "--sink", "ndjson", "--yes")
    assert done.exit_code == 1
    assert "format 99" in done.stdout
    assert {path: path.read_bytes() for path in owner.parent.rglob("*") if path.is_file()} == before


def test_a_sink_that_nobody_knows_is_a_misuse(call: Any, killed: Any) -> None:
    killed()
    done = call("spool", "purge", "--sink", "ndjsn", "--yes")
    assert done.exit_code == 2
    assert "did you mean 'ndjson'?" in done.stderr


def test_where_nothing_is_owed_there_is_nothing_to_ask(call: Any) -> None:
    done = call("spool", "purge", "--sink", "ndjson")
    assert (done.exit_code, done.stdout) == (0, "Nothing is owed to ndjson.\n")


@pytest.mark.parametrize("place", PLACES[:3], ids=lambda place: str(place["name"]))
def test_killed_in_the_middle_it_takes_nothing_of_another_sink(
    call: Any, ask: Any, killed: Any, place: dict[str, str]
) -> None:
    killed()
    args = ["spool", "purge", "--sink", "ndjson", "--yes"]
    code = KILLED_AT.format(**place)
    assert subprocess.run([sys.executable, "-c", code, *args], check=False).returncode < 0
    assert ask("spool", "ls")["folders"][0]["pending"]["sqlite"] == 3
    call(*args)
    assert ask("spool", "ls")["folders"][0]["pending"] == {"sqlite": 3}
    assert call("flush").exit_code == 0


def test_killed_while_a_folder_goes_it_is_gone_the_next_time(
    call: Any, ask: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson")
    killed()
    args = ["spool", "purge", "--sink", "ndjson", "--yes"]
    code = KILLED_AT.format(**PLACES[3])
    assert subprocess.run([sys.executable, "-c", code, *args], check=False).returncode < 0
    assert call(*args).exit_code == 0
    assert ask("spool", "ls")["folders"] == []

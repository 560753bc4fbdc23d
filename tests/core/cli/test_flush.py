"""`flush` delivers what programs that have ended left behind, and says what still waits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_a_killed_program_left_is_delivered(call: Any, ask: Any, killed: Any) -> None:
    killed()
    done = call("flush")
    (run,) = ask("runs", "list")["runs"]
    assert (done.exit_code, run["status"], run["inferred"]) == (0, "cancelled", True)
    assert len(ask("runs", "show", run["run_id"])["events"]) == 3
    assert "Everything is delivered." in done.stdout


def test_folders_of_every_service_are_taken_over(call: Any, ask: Any, killed: Any) -> None:
    killed(TELEMETRY_SERVICE="one")
    killed(TELEMETRY_SERVICE="two")
    told = ask("flush")
    assert told["ok"]
    assert told["services"] == ["default", "one", "two"]
    assert [run["status"] for run in ask("runs", "list")["runs"]] == ["cancelled"] * 2


def test_a_living_program_is_reported_and_left_alone(call: Any, ask: Any, alive: Any) -> None:
    process = alive()
    told = ask("flush")
    (run,) = ask("runs", "list")["runs"]
    assert told["ok"]
    assert [(other["pid"], other["pending"]) for other in told["alive"]] == [(process.pid, 6)]
    assert run["status"] == "running"
    assert f"process {process.pid}" in call("flush").stdout


def test_what_cannot_be_delivered_is_exit_code_1(
    call: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    monkeypatch.setenv("TELEMETRY_DB_PATH", "/dev/null/runs.sqlite")
    killed()
    done = call("flush", "--timeout", "1", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert told["sinks"]["sqlite"]["pending"] >= 4
    assert told["sinks"]["sqlite"]["error"]


def test_what_is_owed_to_a_sink_that_is_not_active_waits(
    call: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed()
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    done = call("flush")
    assert done.exit_code == 1
    assert "it is not active here" in done.stdout


def test_nothing_at_all_is_all_well(call: Any, store: Path) -> None:
    done = call("flush")
    assert (done.exit_code, done.stdout) == (0, "Nothing waits.\n")


def test_the_users_refusal_is_said(call: Any, killed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    killed()
    monkeypatch.setenv("TELEMETRY_DISABLED", "1")
    done = call("flush")
    assert done.exit_code == 1
    assert "TELEMETRY_DISABLED is set" in done.stderr


def test_a_folder_of_a_later_version_is_reported(call: Any, killed: Any, store: Path) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    owner.write_text(json.dumps({**json.loads(owner.read_text()), "format": 99}))
    done = call("flush")
    assert done.exit_code == 1
    assert "format 99" in done.stdout


def test_a_folder_that_does_not_say_whose_it_is_is_delivered_too(
    call: Any, ask: Any, killed: Any, store: Path
) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    owner.write_text("{")
    assert call("flush").exit_code == 0
    assert len(ask("runs", "list")["runs"]) == 1


def test_a_store_that_was_deleted_meanwhile_is_no_trouble(
    call: Any, killed: Any, store: Path
) -> None:
    killed()
    shutil.rmtree(store)
    assert call("flush").exit_code == 0


HANGS = """
import threading
from telemetry_core import hookimpl
class Shaky:
    @hookimpl
    def ship_batch(self, batch):
        threading.Event().wait()
"""
RECORDS = "import os, telemetry_core; telemetry_core.capture('step'); os._exit(0)"


def test_what_a_sink_that_hangs_keeps_from_us_waits_and_is_no_living_programs(
    shell: Any, installed: Any
) -> None:
    installed(HANGS)
    subprocess.run([sys.executable, "-c", RECORDS], check=True)
    done = shell("flush", "--timeout", "0.2", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["alive"]) == (1, False, [])
    assert told["sinks"]["shaky"]["pending"] == 1

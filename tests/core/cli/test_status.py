"""`status` says what waits for whom and why, and touches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_core import TelemetryClient, load_config
from telemetry_core.discovery import Installed

if TYPE_CHECKING:
    import pytest

DELIVERS_ALL = """
import sys
from telemetry_core import TelemetryClient
client = TelemetryClient()
client.start_run("worker", "job")
assert client.flush()
print("recorded", flush=True)
sys.stdin.readline()
"""

DELIVERS_ON_AND_ON = """
import sys, threading
from telemetry_core import TelemetryClient
client = TelemetryClient()
client.capture("tick")
assert client.flush()
print("recorded", flush=True)
parent = threading.Thread(target=sys.stdin.read, daemon=True)
parent.start()
while parent.is_alive():
    client.capture("tick")
    client.flush()
"""


def _sink(told: Any, name: str) -> Any:
    return told["sinks"][name]


def test_where_nothing_was_recorded_all_is_well(call: Any) -> None:
    shown = call("status")
    assert shown.exit_code == 0
    assert "All is well: nothing waits." in shown.stdout


def test_what_a_killed_program_left_is_wrong_until_it_is_flushed(
    call: Any, ask: Any, killed: Any
) -> None:
    killed()
    shown, told = call("status"), ask("status")
    assert shown.exit_code == 1
    assert "try: telemetry flush" in shown.stdout
    assert (_sink(told, "sqlite")["pending"], _sink(told, "ndjson")["pending"]) == (3, 3)
    assert _sink(told, "sqlite")["oldest"] is not None
    call("flush")
    assert call("status").exit_code == 0


def test_a_killed_program_that_left_nothing_to_deliver_is_named(
    call: Any, ask: Any, started: Any
) -> None:
    process = started(DELIVERS_ALL)
    process.kill()
    process.wait()
    shown = call("status")
    assert shown.exit_code == 0
    assert "nothing but the end of its runs" in shown.stdout
    call("flush")
    assert [run["status"] for run in ask("runs", "list")["runs"]] == ["cancelled"]
    assert "nothing waits" in call("status").stdout


def test_a_living_program_is_named_and_is_all_well(call: Any, ask: Any, alive: Any) -> None:
    process = alive()
    (folder,) = ask("status")["folders"]
    assert (folder["pid"], folder["alive"]) == (process.pid, True)
    assert call("status").exit_code == 0


def test_it_leaves_every_file_as_it_is(call: Any, killed: Any, store: Path) -> None:
    killed()
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    call("status")
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_a_sink_that_cannot_be_built_is_off_and_says_why(call: Any) -> None:
    Path("telemetry.toml").write_text('[plugins.sqlite]\ndb_pth = "x"\n')
    shown = call("status")
    assert shown.exit_code == 1
    assert "db_pth" in shown.stdout
    assert shown.stderr == ""


def test_a_sink_that_is_not_installed_says_what_to_install(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite,snowplow")
    shown = call("status")
    assert shown.exit_code == 1
    assert "pip install telemetry-snowplow" in shown.stdout


def test_a_folder_that_takes_no_records_is_wrong(
    call: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_BASE_DIR", "/dev/null/store")
    monkeypatch.setenv("TELEMETRY_ACTIVE", "")
    shown = call("status")
    assert shown.exit_code == 1
    assert "/dev/null/store cannot be written; set TELEMETRY_BASE_DIR" in shown.stdout
    assert "All is well" not in shown.stdout
    assert ask("status")["unwritable"] is not None


def test_one_sink_that_is_not_installed_leaves_the_others_on(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite,snowplow")
    monkeypatch.setenv("TELEMETRY_ON_ERROR", "raise")
    assert [sink["state"] for sink in ask("status")["sinks"].values()] == ["on", "off"]


def test_a_sink_that_is_owed_but_not_active_is_listed(
    ask: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed()
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    told = _sink(ask("status"), "ndjson")
    assert (told["state"], told["pending"]) == ("not active", 3)


def test_what_waits_for_absent_sinks_alone_is_not_blamed_on_a_missing_flush(
    call: Any, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed()
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson")
    call("flush")
    shown = call("status")
    assert shown.exit_code == 1
    assert "name them in `active`: sqlite" in shown.stdout


def test_a_sink_that_does_not_answer_is_wrong(
    call: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    monkeypatch.setenv("TELEMETRY_DB_PATH", "/dev/null/runs.sqlite")
    with TelemetryClient(load_config()) as client:
        client.capture("something")
        for _ in range(6):
            client.flush(timeout=5)
    told = _sink(ask("status"), "sqlite")
    assert told["circuit"] == "open"
    assert re.fullmatch(r"it failed \d+ times in a row", told["why"])
    assert "Error: " in told["last_error"]
    shown = call("status")
    assert shown.exit_code == 1
    assert "not answering" in shown.stdout


def test_the_last_error_of_a_sink_is_told_from_its_first_failure_to_its_first_success(
    call: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    monkeypatch.setenv("TELEMETRY_DB_PATH", str(tmp_path / "here" / "runs.sqlite"))
    (tmp_path / "here").write_text("a file in the way")
    with TelemetryClient(load_config()) as client:
        client.capture("something")
        assert not client.flush()
    told = _sink(ask("status"), "sqlite")
    assert (told["circuit"], "FileExistsError" in told["last_error"]) == ("closed", True)
    (tmp_path / "here").unlink()
    assert "what the last errors say; then: telemetry flush" in call("status").stdout
    ask("flush")
    assert _sink(ask("status"), "sqlite")["last_error"] is None


def test_where_nothing_lives_nobody_knows_a_rate(ask: Any, killed: Any) -> None:
    killed()
    assert {sink["rate"] for sink in ask("status")["sinks"].values()} == {None}


def test_a_program_that_delivers_nothing_now_has_a_rate_of_zero(ask: Any, alive: Any) -> None:
    alive()
    assert {sink["rate"] for sink in ask("status")["sinks"].values()} == {0.0}


def test_a_program_at_work_shows_how_fast_it_delivers(call: Any, ask: Any, started: Any) -> None:
    started(DELIVERS_ON_AND_ON)
    assert all(sink["rate"] > 0 for sink in ask("status")["sinks"].values())
    assert re.search(r"[1-9]\d*/s", call("status").stdout)


def test_disabled_telemetry_is_said(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_DISABLED", "yes")
    assert "nothing is recorded" in call("status").stdout


def test_plugins_lists_what_could_be_active(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    shown = call("plugins")
    assert shown.exit_code == 0
    first, *others = [line.split()[:2] for line in shown.stdout.splitlines()[1:]]
    assert first == ["sqlite", "on"]
    names = [name for name in Installed().names() if name != "sqlite"]
    assert others == [[name, "installed"] for name in names]


def test_plugins_says_why_one_is_off(ask: Any, call: Any) -> None:
    Path("telemetry.toml").write_text('active = ["sqlite"]\n[plugins.sqlite]\ndb_path = 3\n')
    sink, *_ = ask("plugins")["plugins"]
    assert (sink["name"], sink["state"]) == ("sqlite", "off")
    assert "expected a path" in sink["why"]
    assert call("plugins").exit_code == 1

"""The demo keeps its story: who ran, who failed, who was killed and recovered."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest


def test_the_killed_program_is_recovered_to_the_last_record(call: Any, store: Path) -> None:
    told = json.loads(call("demo", "--json").stdout)
    runs = Counter((run["agent_name"], run["job_type"], run["status"]) for run in told["runs"])
    assert told["waiting"] == 12
    assert {sink["delivered"] for sink in told["flush"]["sinks"].values()} == {13}
    assert runs == {
        ("crawler", "nightly", "success"): 1,
        ("crawler", "fetch_page", "success"): 3,
        ("translator", "translate", "success"): 3,
        ("translator", "translate", "failure"): 3,
        ("importer", "import_orders", "cancelled"): 1,
    }
    assert not store.exists()


def test_the_story_ends_with_what_to_try_next_and_that_works(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELEMETRY_BASE_DIR")
    shown = call("demo")
    assert shown.exit_code == 0
    tries = [line.split() for line in shown.stdout.splitlines() if line.startswith("  telemetry ")]
    assert [words[1] for words in tries] == ["runs", "runs", "track", "status", "init"]
    for words in tries[:2]:
        assert call(*words[1:]).exit_code == 0


def test_it_says_when_the_environment_wins_over_its_settings(call: Any) -> None:
    assert "Unset TELEMETRY_BASE_DIR first" in call("demo").stdout


def test_it_begins_anew_each_time(call: Any) -> None:
    assert call("demo").exit_code == 0
    again = call("demo")
    assert again.exit_code == 0
    assert again.stdout.count("import_orders") == 1


def test_it_deletes_no_folder_but_its_own(call: Any) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("two years of work")
    refused = call("demo", "--dir", "mine")
    assert refused.exit_code == 2
    assert "something else than a demo" in refused.stderr
    assert Path("mine/thesis.txt").read_text() == "two years of work"


@pytest.mark.parametrize("place", ["/dev/null/demo", "a\0b"])
def test_a_folder_that_cannot_be_is_a_clear_error(call: Any, place: str) -> None:
    refused = call("demo", "--dir", place)
    assert refused.exit_code == 2
    assert "try: --dir PATH" in refused.stderr


def test_the_users_refusal_counts_here_too(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_DISABLED", "1")
    assert call("demo").exit_code == 2
    assert not Path(".telemetry-demo").exists()

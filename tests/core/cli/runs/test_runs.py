"""`runs list` filters, `runs show` tells a run's story."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry_core import TelemetryClient, load_config


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        ([], ["orders", "fetch_page", "nightly"]),
        (["--agent", "crawler"], ["fetch_page", "nightly"]),
        (["--job", "orders"], ["orders"]),
        (["--status", "FAILED"], ["orders"]),
        (["--since", "1h"], ["orders", "fetch_page", "nightly"]),
        (["--since", "2999-01-01"], []),
        (["--limit", "1"], ["orders"]),
    ],
)
def test_list_takes_filters(ask: Any, recorded: Any, options: list[str], jobs: list[str]) -> None:
    assert [run["job_type"] for run in ask("runs", "list", *options)["runs"]] == jobs


def test_list_says_when_there_are_more(call: Any, ask: Any, recorded: Any) -> None:
    assert ask("runs", "list", "--limit", "1")["more"]
    assert "and more" in call("runs", "list", "--limit", "1").stdout
    assert not ask("runs", "list", "--limit", "3")["more"]


@pytest.mark.parametrize("wrong", [["--since", "soon"], ["--status", "odd"], ["--limit", "0"]])
def test_a_filter_that_cannot_be_meant_is_exit_code_2(call: Any, wrong: list[str]) -> None:
    assert call("runs", "list", *wrong).exit_code == 2


def test_show_tells_events_and_children_in_their_order(call: Any, ask: Any, recorded: Any) -> None:
    (run,) = ask("runs", "list", "--job", "nightly")["runs"]
    lines = call("runs", "show", run["run_id"]).stdout.splitlines()
    story = [line.split()[2:5] for line in lines[lines.index("") + 1 :]]
    assert lines[0] == "crawler · nightly  success"
    assert [words[0] for words in story] == ["started", "page_fetched", "→", "ended"]
    assert story[1][1] == "page=index"


def test_show_finds_a_run_by_either_id_and_by_a_beginning(ask: Any, recorded: Any) -> None:
    (run,) = ask("runs", "list", "--job", "orders")["runs"]
    for wanted in (run["run_id"], run["event_id"], run["run_id"][:-2]):
        assert ask("runs", "show", wanted)["run"]["event_id"] == run["event_id"]


def test_show_of_a_beginning_that_several_share_names_them(call: Any, recorded: Any) -> None:
    shown = call("runs", "show", "2")
    assert shown.exit_code == 1
    assert "several runs begin with '2'" in shown.stderr


def test_show_of_no_run_says_so(call: Any) -> None:
    shown = call("runs", "show", "nothing")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("telemetry: no run 'nothing' is stored")


def test_list_of_nothing_says_so(call: Any) -> None:
    shown = call("runs", "list")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("No run was recorded")
    assert call("runs", "list", "--agent", "x").stdout.startswith("No such run was recorded")


def test_without_a_sink_that_keeps_runs_it_says_what_to_install(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_ACTIVE", "ndjson")
    shown = call("runs", "list")
    assert shown.exit_code == 1
    assert "pip install telemetry-sqlite" in shown.stderr


def test_a_record_cannot_steer_the_terminal(call: Any) -> None:
    with TelemetryClient(load_config()) as client:
        client.end_run(client.start_run("evil\x1b[2J\n\x07agent", "job"))
    shown = call("runs", "list").stdout
    assert "evil\\x1b[2J\\n\\x07agent" in shown
    assert "\x1b" not in shown

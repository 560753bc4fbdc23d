"""The usual mistakes of a set-up: each pauses the sink, and its words say what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_sheets import AddressError, SheetsSink

from telemetry_core import ConfigError, CredentialError
from tests.plugins.sheets.conftest import shipping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import FakeClock, SheetsServer, Story

    from tests.plugins.sheets.conftest import Sinks


def not_shared(google: SheetsServer) -> None:
    google.unshare()


def only_to_read(google: SheetsServer) -> None:
    google.role = "reader"


def another_id(google: SheetsServer) -> None:
    google.spreadsheet.id = "another-spreadsheet"


def revoked(google: SheetsServer) -> None:
    google.revoke_keys()


def not_enabled(google: SheetsServer) -> None:
    google.enabled = False


def full(google: SheetsServer) -> None:
    google.spreadsheet.most_cells = 10


def used_otherwise(google: SheetsServer) -> None:
    google.tab.write(0, 0, [["Name", "Price"]])


def lacking(google: SheetsServer) -> None:
    google.tab.write(0, 0, [["event_id", "status"]])


def gone(google: SheetsServer) -> None:
    google.add_tab("Other")
    google.remove_tab("Runs")


@pytest.mark.parametrize(
    ("mistake", "code", "words"),
    [
        (not_shared, "not_shared", "share it with that address, as an editor"),
        (not_shared, "not_shared", "telemetry-1@fake-project.iam.gserviceaccount.com"),
        (only_to_read, "not_shared", "as an editor"),
        (another_id, "no_spreadsheet", "between /d/ and /edit"),
        (revoked, "revoked_key", "create a new one"),
        (not_enabled, "api_disabled", "Enable it by visiting https://console"),
        (gone, "no_tab", "there is no tab 'Runs'"),
        (full, "full", "begin another one"),
        (used_otherwise, "other_tab", "cell A1 holds 'Name'"),
        (lacking, "header", "lacks run_id, agent_name"),
    ],
)
def test_a_mistake_pauses_and_says_what_to_do(
    mistake: Callable[[SheetsServer], None],
    code: str,
    words: str,
    google: SheetsServer,
    tabs: Sinks,
    story: Story,
) -> None:
    ship = shipping(tabs(sheet="Runs"))
    mistake(google)
    receipt = ship(story.run()[1])
    assert (receipt.code, receipt.pause_until is not None) == (code, True)
    assert words in receipt.reason


def test_what_was_mended_is_found_without_a_new_process(
    google: SheetsServer, tabs: Sinks, story: Story
) -> None:
    ship, runs = shipping(tabs(sheet="Runs")), [story.run()[1] for _ in range(2)]
    ship(runs[0])
    google.remove_tab("Runs")
    google.add_tab("Other")
    assert ship(runs[1]).code == "no_tab"
    google.add_tab("Runs")
    assert ship(runs[1]).delivered
    assert [row["event_id"] for row in google.spreadsheet.tabs["Runs"].rows] == [
        runs[1].body.event_id
    ]


def test_a_row_that_google_refuses_costs_no_other(
    google: SheetsServer, tabs: Sinks, story: Story
) -> None:
    ship = shipping(tabs())
    good, bad = story.run()[1], story.run(product="bad")[1]
    google.reject(lambda row: row.get("product") == "bad")
    assert ship(good, bad).refused_whole
    assert ship(bad).rejected.keys() == {bad.id}
    assert ship(good).delivered


def test_a_wrong_clock_is_waited_for_and_said_to_be_wrong(
    google: SheetsServer, tabs: Sinks, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import datetime

    from google.auth import _helpers

    monkeypatch.setattr(_helpers, "utcnow", lambda: datetime(1999, 1, 1))  # noqa: DTZ001 - as google-auth has it
    receipt = shipping(tabs())(story.run()[1])
    assert (receipt.code, receipt.pause_until) == ("clock", None)
    assert "clock of this machine is wrong" in receipt.reason


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_endpoint_in_trouble_is_waited_for(
    google: SheetsServer, tabs: Sinks, story: Story, status: int
) -> None:
    google.fail(status, times=1)
    receipt = shipping(tabs())(story.run()[1])
    assert (receipt.delivered, receipt.pause_until) == (frozenset(), None)
    assert len(google.requests) == 1


@pytest.mark.parametrize("mistake", [not_shared, another_id, revoked, gone, used_otherwise])
def test_the_health_says_the_same(
    mistake: Callable[[SheetsServer], None], google: SheetsServer, tabs: Sinks, story: Story
) -> None:
    sink = tabs(sheet="Runs")
    mistake(google)
    health = sink.check_health()
    assert (health.ok, health.message) == (False, shipping(sink)(story.run()[1]).reason)


def test_google_is_not_asked_for_its_health_all_the_time(
    google: SheetsServer, tabs: Sinks, clock: FakeClock
) -> None:
    sink = tabs()
    assert sink.check_health().ok
    asked = len(google.requests)
    google.unshare()
    assert sink.check_health().ok
    assert len(google.requests) == asked
    clock.advance(300)
    assert not sink.check_health().ok


def test_the_health_of_one_that_is_down(google: SheetsServer, tabs: Sinks) -> None:
    sink = tabs()
    google.down()
    assert "does not answer" in sink.check_health().message


# -- what is wrong before anything is sent

ID = "1FakeSpreadsheetOfPytestTelemetry0123456789A"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mode": "values"}, "no spreadsheet_id"),
        ({"mode": "webapp", "spreadsheet_id": ID}, "api_url"),
        ({"spreadsheet_id": ID}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"spreadsheet_id": ID, "credentials": "{"}, "are no JSON"),
        ({"spreadsheet_id": ID, "credentials": '{"type": "authorized_user"}'}, "service account"),
        (
            {"spreadsheet_id": ID, "credentials": '{"type": "service_account"}'},
            "lacks client_email",
        ),
    ],
)
def test_settings_that_are_not_enough_say_what_is_missing(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigError, CredentialError), match=words):
        SheetsSink(**settings)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"key\.json cannot be read: No such file"):
        SheetsSink(spreadsheet_id=ID, credentials_file=tmp_path / "key.json")


def test_a_private_key_that_is_damaged_is_not_shown(tabs: Sinks, key: str, story: Story) -> None:
    damaged = json.dumps({**json.loads(key), "private_key": "hunter2"})
    receipt = shipping(tabs(credentials=damaged))(story.run()[1])
    assert receipt.code == "revoked_key"
    assert "hunter2" not in receipt.reason


@pytest.mark.parametrize(
    "text", [ID, f" {ID} ", f"https://docs.google.com/spreadsheets/d/{ID}/edit?gid=0#gid=0"]
)
def test_a_spreadsheet_is_named_by_its_id_or_its_address(tabs: Sinks, text: str) -> None:
    assert tabs(spreadsheet_id=text).spreadsheet_id == ID


@pytest.mark.parametrize("text", ["", "my sheet", "https://example.org", "a/b/../../etc"])
def test_what_is_no_id_is_refused(tabs: Sinks, text: str) -> None:
    with pytest.raises(AddressError, match="between /d/ and"):
        tabs(spreadsheet_id=text)

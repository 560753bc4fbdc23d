"""`telemetry sheets test` says which mistake it is; `weekly` adds what a week's runs come to, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import Response
from telemetry_sheets.weekly import COLUMNS, Week
from telemetry_sqlite import DatabaseWriter

from telemetry_core import RunRecord
from tests.core.cli.terminal import typed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_telemetry import SheetsServer

    from tests.plugins.sheets.conftest import WebAppServer

LIVE = {"TELEMETRY_TEST_MODE": "live"}
Told = tuple[int, Any]


class Home:
    """A directory with a configuration, in which commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = DatabaseWriter(folder / "telemetry" / "db" / "telemetry.sqlite")

    def write(self, table: str, active: str = '"sqlite", "sheets"') -> None:
        text = f'active = [{active}]\nbase_dir = "telemetry"\n[plugins.sheets]\n{table}'
        (self.folder / "telemetry.toml").write_text(text)

    def type(self, words: str, **environ: str) -> Told:
        environ = {"TELEMETRY_CONFIG": str(self.folder / "telemetry.toml"), **LIVE, **environ}
        done = typed([*words.split(), "--json"], environ, self.folder)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()

    def ran(self, moment: str, **fields: Any) -> None:
        run = {"agent_name": "crawler", "job_type": "nightly", "status": "success", **fields}
        done, said = self.runs.insert_run(
            RunRecord(run_id=f"r-{moment}", start_time=moment, created_at=moment, **run)
        )
        assert done, said


@pytest.fixture
def home(google: SheetsServer, key: str, tmp_path: Path) -> Home:
    (tmp_path / "key.json").write_text(key)
    home = Home(tmp_path)
    home.write(
        f'spreadsheet_id = "{google.spreadsheet_id}"\nbase_url = "{google.url}"\n'
        'credentials = { file = "key.json" }\nsheet = "Runs"\n'
    )
    return home


# -- test


def test_a_sheet_that_can_be_written_is_well(home: Home, google: SheetsServer) -> None:
    assert home.type("sheets test") == (
        0,
        {"ok": True, "sheet": f"spreadsheet {google.spreadsheet_id}, Runs"},
    )
    assert google.grid == []


def reader(google: SheetsServer) -> None:
    google.role = "reader"


def no_tab(google: SheetsServer) -> None:
    google.add_tab("Other")
    google.remove_tab("Runs")


def other_id(google: SheetsServer) -> None:
    google.spreadsheet.id = "another"


@pytest.mark.parametrize(
    ("mistake", "code"),
    [
        (lambda google: google.unshare(), "not_shared"),
        (reader, "not_shared"),
        (other_id, "no_spreadsheet"),
        (no_tab, "no_tab"),
        (lambda google: google.revoke_keys(), "revoked_key"),
        (lambda google: google.down(), "network"),
    ],
)
def test_a_mistake_is_named(
    home: Home, google: SheetsServer, mistake: Callable[[SheetsServer], None], code: str
) -> None:
    mistake(google)
    ended, said = home.type("sheets test")
    assert (ended, said["ok"], said["code"]) == (1, False, code)
    assert said["message"]


def test_a_run_services_address_is_a_wrong_configuration(home: Home) -> None:
    home.write('api_url = "http://localhost:8765"')
    ended, said = home.type("sheets test")
    assert ended == 2
    assert "address of a run service" in str(said)


def test_a_web_app_is_tested_without_a_post(home: Home, web_app: WebAppServer) -> None:
    home.write(f'api_url = "{web_app.url}"')
    assert home.type("sheets test")[0] == 0
    web_app.answer = Response(404, {}, b"")
    assert home.type("sheets test")[1]["code"] == "http_404"
    assert {request.method for request in web_app.requests} == {"GET"}


def test_a_sink_that_is_not_active_yet_can_be_tested(home: Home, web_app: WebAppServer) -> None:
    home.write(f'api_url = "{web_app.url}"', active='"sqlite"')
    assert home.type("sheets test")[0] == 0


def test_where_nothing_may_leave_the_machine_nothing_does(home: Home, google: SheetsServer) -> None:
    ended, said = home.type("sheets test", DO_NOT_TRACK="1")
    assert (ended, google.requests) == (1, [])
    assert "silenced" in str(said)


def test_where_telemetry_is_disabled_nothing_is_asked_either(
    home: Home, google: SheetsServer
) -> None:
    ended, said = home.type("sheets test", TELEMETRY_DISABLED="1")
    assert (ended, google.requests) == (1, [])
    assert "TELEMETRY_DISABLED" in str(said)


def test_several_sinks_are_told_apart(home: Home, google: SheetsServer) -> None:
    table = f'api_url = "http://127.0.0.1:9"\n[plugins.other]\nplugin = "sheets"\napi_url = "{google.url}/x"'
    home.write(table, active='"sheets", "other"')
    assert home.type("sheets test")[0] == 2
    assert home.type("sheets test --sink other")[1]["code"] == "http_404"


def test_it_reads_well_without_json(home: Home, google: SheetsServer) -> None:
    environ = {"TELEMETRY_CONFIG": str(home.folder / "telemetry.toml"), **LIVE}
    assert b"rows can be added" in typed(["sheets", "test"], environ, home.folder).stdout
    google.unshare()
    assert b"not_shared  the spreadsheet" in typed(["sheets", "test"], environ, home.folder).stdout


# -- weekly


@pytest.fixture
def week(home: Home, google: SheetsServer) -> Home:
    """Runs of two agents in the week 2026-W46, and others around it."""
    google.add_tab("Weekly")
    monday, sunday = "2026-11-09T00:00:00+00:00", "2026-11-15T23:59:59+00:00"
    home.ran(monday, items_succeeded=3, duration_ms=10, website="a")
    home.ran(sunday, items_succeeded=4, status="failure", error_summary="no disk", website="a")
    home.ran("2026-11-11T00:00:00+00:00", agent_name="writer", status="partial")
    home.ran("2026-11-12T00:00:00+00:00", agent_name="writer", status="running")
    home.ran("2026-11-08T23:59:59+00:00")
    home.ran("2026-11-16T00:00:00+00:00")
    return home


def test_a_week_is_a_row_for_each_group(week: Home, google: SheetsServer) -> None:
    ended, said = week.type("sheets weekly --week 2026-W46")
    assert (ended, said["added"]) == (0, 2)
    tab = google.spreadsheet.tabs["Weekly"]
    assert tab.header == list(COLUMNS)
    crawler, writer = tab.rows
    assert (crawler["agent_name"], crawler["website"], crawler["items_succeeded"]) == (
        "crawler",
        "a",
        7,
    )
    assert (crawler["run_count"], crawler["error_count"], crawler["error_summary"]) == (
        2,
        1,
        "no disk",
    )
    assert (writer["agent_name"], writer["run_count"], writer["error_count"]) == ("writer", 1, 0)
    assert crawler["job_type"] == "aggregated_weekly"


def test_a_week_that_is_added_again_is_there_once(week: Home, google: SheetsServer) -> None:
    week.type("sheets weekly --week 2026-W46")
    assert week.type("sheets weekly --week 2026-W46")[1]["added"] == 0
    assert len(google.spreadsheet.tabs["Weekly"].rows) == 2


def test_a_dry_run_shows_the_rows_and_adds_none(week: Home, google: SheetsServer) -> None:
    said = week.type("sheets weekly --week 2026-W46 --dry-run")[1]
    assert (len(said["rows"]), said["added"], google.requests) == (2, 0, [])


def test_a_week_without_runs_is_no_request(week: Home, google: SheetsServer) -> None:
    assert week.type("sheets weekly --week 2025-W01")[1]["rows"] == []
    assert google.requests == []


def test_a_week_goes_to_a_web_app_too(week: Home, web_app: WebAppServer) -> None:
    week.write(f'api_url = "{web_app.url}"')
    assert week.type("sheets weekly --week 2026-W46")[1]["added"] == 2
    (body,) = web_app.received
    assert [event["agent_name"] for event in body["events"]] == ["crawler", "writer"]


def test_what_keeps_a_week_from_being_added_is_said(week: Home, google: SheetsServer) -> None:
    google.remove_tab("Weekly")
    ended, said = week.type("sheets weekly --week 2026-W46")
    assert ended != 0
    assert "there is no tab 'Weekly'" in str(said)
    assert "correct `weekly_sheet`" in str(said)


@pytest.mark.parametrize("name", ["2026-46", "2026-W54", "W46", "now"])
def test_what_is_no_week_is_refused(week: Home, name: str) -> None:
    assert week.type(f"sheets weekly --week {name}")[0] == 2


def test_without_a_store_of_runs_there_is_no_week(week: Home, google: SheetsServer) -> None:
    text = (week.folder / "telemetry.toml").read_text().replace('"sqlite", ', "")
    (week.folder / "telemetry.toml").write_text(text)
    ended, said = week.type("sheets weekly")
    assert ended == 2
    assert "no active sink keeps runs" in str(said)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (1_767_225_600, "2025-W52"),
        (1_795_219_200, "2026-W46"),
        (1_767_571_199, "2025-W52"),
        (1_767_571_200, "2026-W01"),
    ],
)
def test_the_last_whole_week_is_the_one_before(moment: int, name: str) -> None:
    assert Week.before(moment * 1_000_000_000).name == name

"""What a test asks the fake spreadsheet, and what it asks it to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pytest_telemetry import FakeClock, Formula, SheetsServer

if TYPE_CHECKING:
    from collections.abc import Callable

APPEND = "/values/Runs!A1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"
HEADER = ["event_id", "status", "items"]


def append(http: httpx.Client, *rows: list[Any], option: str = "RAW") -> httpx.Response:
    return http.post(APPEND.replace("RAW", option), json={"values": rows})


def error(answer: httpx.Response) -> tuple[int, str, str]:
    told = answer.json()["error"]
    assert told["code"] == answer.status_code
    return told["code"], told["status"], told["message"]


# -- what it has stored


def test_rows_are_read_by_the_names_of_the_header(server: SheetsServer, http: httpx.Client) -> None:
    append(http, HEADER, ["e-1", "success", 3], ["e-2"])
    append(http, ["e-3", "", 5, "more"])
    assert server.header == HEADER
    assert server.rows == [
        {"event_id": "e-1", "status": "success", "items": 3},
        {"event_id": "e-2", "status": "", "items": ""},
        {"event_id": "e-3", "status": "", "items": 5, "D": "more"},
    ]
    assert server.grid[1:3] == [["e-1", "success", 3], ["e-2"]]


def test_the_latest_row_with_these_values_is_found(
    server: SheetsServer, http: httpx.Client
) -> None:
    append(http, HEADER, ["e-1", "success"], ["e-2", "success"])
    assert server.assert_row(status="success")["event_id"] == "e-2"


def test_in_vain_it_shows_what_is_nearest(server: SheetsServer, http: httpx.Client) -> None:
    append(http, HEADER, ["e-1", "success"], ["e-2", "failure"])
    with pytest.raises(AssertionError) as failure:
        server.assert_row(event_id="e-2", status="success")
    assert str(failure.value).splitlines() == [
        "no row with event_id='e-2', status='success'; 2 recorded, the nearest:",
        "  row 2",
        "    event_id is 'e-1', not 'e-2'",
        "  row 3",
        "    status is 'failure', not 'success'",
    ]


def test_a_column_that_is_not_there_is_said_to_be_missing(
    server: SheetsServer, http: httpx.Client
) -> None:
    append(http, HEADER)
    with pytest.raises(AssertionError, match="no column is named state; the header is event_id"):
        server.assert_row(state="success")


def test_a_formula_is_no_text_and_text_is_no_formula(
    server: SheetsServer, http: httpx.Client
) -> None:
    append(http, HEADER, ["=1+1"])
    append(http, ["=1+1"], option="USER_ENTERED")
    assert [row["event_id"] for row in server.rows] == ["=1+1", Formula("=1+1")]


# -- who may use it


def test_a_token_is_wanted_and_good_for_an_hour(
    server: SheetsServer, http: httpx.Client, clock: FakeClock
) -> None:
    assert append(http, HEADER).status_code == 200
    clock.advance(3600)
    late = append(http, HEADER)
    assert error(late)[:2] == (401, "UNAUTHENTICATED")
    assert "invalid_token" in late.headers["www-authenticate"]
    del http.headers["authorization"]
    assert error(append(http, HEADER))[:2] == (403, "PERMISSION_DENIED")
    assert server.grid == [HEADER]


def test_a_token_to_read_is_none_to_write(server: SheetsServer, http: httpx.Client) -> None:
    token = server.access_token("https://www.googleapis.com/auth/spreadsheets.readonly")
    http.headers["authorization"] = f"Bearer {token}"
    assert http.get("/values/Runs").status_code == 200
    assert error(append(http, HEADER))[2] == "Request had insufficient authentication scopes."


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda server: server.unshare(), (403, "PERMISSION_DENIED", "The caller does not have permission")),
        (lambda server: server.remove_tab("Runs"), (400, "INVALID_ARGUMENT", "Unable to parse range: Runs!A1")),
        (lambda server: setattr(server.spreadsheet, "id", "another"), (404, "NOT_FOUND", "Requested entity was not found.")),
    ],
    ids=["not shared", "no such tab", "no such file"],
)  # fmt: skip
def test_a_wrong_set_up_is_told_as_google_tells_it(
    spoil: Callable[[SheetsServer], None],
    wanted: tuple[int, str, str],
    server: SheetsServer,
    http: httpx.Client,
) -> None:
    spoil(server)
    assert error(append(http, HEADER)) == wanted


def test_who_may_only_read_may_not_write(server: SheetsServer, http: httpx.Client) -> None:
    server.role = "reader"
    assert http.get("/values/Runs").status_code == 200
    assert append(http, HEADER).status_code == 403


def test_an_api_that_is_not_enabled_says_where_to_enable_it(
    server: SheetsServer, http: httpx.Client
) -> None:
    server.enabled = False
    answer = append(http, HEADER)
    assert "sheets.googleapis.com/overview?project=" in error(answer)[2]
    assert answer.json()["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


# -- how much of it


def test_sixty_writes_a_minute_are_answered_and_reads_are_counted_apart(
    http: httpx.Client, clock: FakeClock
) -> None:
    assert {append(http, ["e"]).status_code for _ in range(60)} == {200}
    refused = append(http, ["e"])
    assert error(refused)[:2] == (429, "RESOURCE_EXHAUSTED")
    limit = refused.json()["error"]["details"][0]["metadata"]
    assert limit["quota_limit"] == "WriteRequestsPerMinutePerUser"
    assert http.get("/values/Runs").status_code == 200
    clock.advance(60)
    assert append(http, ["e"]).status_code == 200


def test_all_users_of_a_project_share_a_quota(server: SheetsServer, http: httpx.Client) -> None:
    server.quota.per_project = 2
    assert [append(http, ["e"]).status_code for _ in range(3)] == [200, 200, 429]
    assert "'Write requests per minute' of" in error(append(http, ["e"]))[2]


# -- how it misbehaves


def test_a_fault_is_told_in_googles_form(server: SheetsServer, http: httpx.Client) -> None:
    server.fail(503, times=1)
    assert error(append(http, HEADER)) == (503, "UNAVAILABLE", "it fails on request")
    server.rate_limit(0, retry_after=7)
    limited = append(http, HEADER)
    assert error(limited)[:2] == (429, "RESOURCE_EXHAUSTED")
    assert limited.headers["retry-after"] == "7"


def test_a_reply_is_lost_whose_rows_have_landed(server: SheetsServer, http: httpx.Client) -> None:
    server.lose_reply(times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        append(http, HEADER, ["e-1"])
    assert append(http, ["e-1"]).json()["tableRange"] == "Runs!A1:C2"
    assert [row["event_id"] for row in server.rows] == ["e-1", "e-1"]


def test_a_row_is_refused_by_the_name_of_its_column(
    server: SheetsServer, http: httpx.Client
) -> None:
    server.reject(lambda row: row["status"] == "failure", 400)
    assert append(http, HEADER, ["e-1", "failure"]).status_code == 400
    assert append(http, HEADER, ["e-1", "success"]).status_code == 200
    assert append(http, ["e-2", "failure"]).status_code == 400
    assert len(server.rows) == 1

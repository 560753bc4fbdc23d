"""The web app of the fake: what it takes, how it answers, and the rows it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import Formula

if TYPE_CHECKING:
    import httpx
    from pytest_telemetry import SheetsServer

PAYLOAD = {"event_id": "e-1", "status": "success"}


def test_a_payload_is_a_row_under_its_names(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    assert plain.post(server.web_app_url, json=PAYLOAD).json() == {"ok": True}
    plain.post(server.web_app_url, json={"event_id": "e-2", "items": 3})
    assert server.header == ["event_id", "status", "items"]
    assert server.rows == [
        {"event_id": "e-1", "status": "success", "items": ""},
        {"event_id": "e-2", "status": "", "items": 3},
    ]
    assert server.web_app.payloads == [PAYLOAD, {"event_id": "e-2", "items": 3}]


def test_several_payloads_come_at_once(server: SheetsServer, url: str, plain: httpx.Client) -> None:
    answer = plain.post(server.web_app_url, json={"events": [PAYLOAD, {"event_id": "e-2"}]})
    assert answer.json() == {"ok": True}
    assert [row["event_id"] for row in server.rows] == ["e-1", "e-2"]


def test_a_script_takes_text_as_if_it_was_typed(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    plain.post(server.web_app_url, json={"event_id": "=1+1", "items": "7"})
    server.assert_row(event_id=Formula("=1+1"), items=7)


def test_a_wrong_bearer_is_refused_by_its_status(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    server.web_app.token = "secret"
    good = {"authorization": "Bearer secret"}
    assert plain.post(server.web_app_url, json=PAYLOAD).status_code == 401
    assert plain.post(server.web_app_url, json=PAYLOAD, headers=good).status_code == 200
    assert len(server.rows) == 1


def test_a_wrong_token_in_the_query_is_refused_in_words(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    server.web_app.token = "secret"
    target = f"{server.web_app_url}?token="
    refused = plain.post(f"{target}wrong", json={"events": [PAYLOAD]})
    assert (refused.status_code, refused.json()["ok"]) == (200, False)
    assert plain.post(f"{target}secret", json={"events": [PAYLOAD]}).json() == {"ok": True}
    assert len(server.rows) == 1


def test_an_apps_script_redirects_to_its_result(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    server.web_app.redirects = True
    answer = plain.post(server.web_app_url, json=PAYLOAD)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{url}/macros/echo?")
    assert plain.get(answer.headers["location"]).json() == {"ok": True}
    assert len(server.rows) == 1


def test_one_that_is_not_open_to_anyone_sends_to_a_sign_in(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    server.web_app.wants_sign_in = True
    answer = plain.post(server.web_app_url, json=PAYLOAD)
    assert answer.headers["location"].startswith("https://accounts.google.com/")
    assert server.grid == []


@pytest.mark.parametrize("body", [b"no JSON", b"7", b'{"events": 7}', b'{"events": [7]}'])
def test_what_is_no_payload_is_refused(
    body: bytes, server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    assert plain.post(server.web_app_url, content=body).status_code == 400
    assert server.web_app.payloads == []


def test_its_faults_are_in_its_own_words(
    server: SheetsServer, url: str, plain: httpx.Client
) -> None:
    server.reject(lambda payload: payload["status"] == "success", 422)
    answer = plain.post(server.web_app_url, json=PAYLOAD)
    assert (answer.status_code, answer.json()["ok"]) == (422, False)

"""A client is signed in at the console, and linked to an account that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pytest_plugin.servers.raxe.conftest import heartbeat

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, RaxeServer

    from tests.pytest_plugin.servers.raxe.conftest import Asker

TEMPORARY = "raxe_temp_" + "0123456789abcdef" * 2
SCAN = {
    **heartbeat(7),
    "event_type": "scan",
    "payload": {"prompt_hash": "sha256:" + 64 * "0", "threat_detected": 1, "scan_duration_ms": 2},
}


def began(ask: Asker) -> dict[str, Any]:
    key_id = ask.server.accounts[TEMPORARY].key_id
    body = {"temp_key_id": key_id, "installation_id": "inst_1"}
    answer = ask.http.post(f"{ask.server.url}/api/cli/session", json=body)
    data: dict[str, Any] = answer.json()["data"]
    return data


def told(ask: Asker, session: str) -> Any:
    answer = ask.http.get(f"{ask.server.url}/api/cli/session/{session}")
    return answer.json()["data"]


@pytest.fixture(autouse=True)
def scanned(ask: Asker) -> None:
    ask.send(TEMPORARY, SCAN)


def test_who_opens_the_page_signs_the_client_in(ask: Asker, server: RaxeServer) -> None:
    session = began(ask)
    assert session["scan_count"] == 1
    assert told(ask, session["session_id"]) == {"status": "pending"}
    assert ask.http.get(session["connect_url"]).status_code == 200
    answer = told(ask, session["session_id"])
    assert (answer["status"], answer["linked_scans"]) == ("completed", 1)
    assert answer["api_key"] == server.keys["pro"]


def test_a_test_signs_the_latest_client_in(ask: Asker, server: RaxeServer) -> None:
    first, second = began(ask), began(ask)
    server.console.approve()
    assert told(ask, first["session_id"])["status"] == "pending"
    assert told(ask, second["session_id"])["status"] == "completed"


def test_a_client_waits_five_minutes(ask: Asker, clock: FakeClock) -> None:
    session = began(ask)
    clock.advance(300)
    assert told(ask, session["session_id"]) == {"status": "expired"}
    missing = ask.http.get(f"{ask.server.url}/api/cli/session/nobody")
    assert (missing.status_code, missing.json()["success"]) == (404, False)


@pytest.mark.parametrize(("code", "status"), [("RAXE01", 200), ("WRONG1", 400)])
def test_a_code_links_a_client_to_a_key(code: str, status: int, ask: Asker) -> None:
    key_id = ask.server.accounts[TEMPORARY].key_id
    body = {"code": code, "temp_key_id": key_id}
    answer = ask.http.post(f"{ask.server.url}/api/cli/link", json=body)
    assert answer.status_code == status
    if status == 200:
        data = answer.json()["data"]
        assert (data["api_key"], data["events_count"]) == (ask.server.keys["pro"], 1)
    else:
        assert answer.json()["error"]["message"] == "Invalid or expired link code"


def test_an_event_is_shown_to_its_owner(ask: Asker) -> None:
    url = f"{ask.server.url}/api/events/{SCAN['event_id']}"
    statuses = []
    for key in (TEMPORARY, ask.server.keys["ok"], ""):
        answer = ask.http.get(url, headers={"authorization": f"Bearer {key}"})
        statuses.append(answer.status_code)
    assert statuses == [200, 404, 401]

"""The fake RAXE takes events as the real one does, and knows what each key may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.pytest_plugin.servers.raxe.conftest import enveloped, heartbeat

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, RaxeServer

    from tests.pytest_plugin.servers.raxe.conftest import Asker

MIDNIGHT = 1_767_312_000  # of the day whose noon it is for a test
NEW_KEY = "raxe_temp_" + "0123456789abcdef" * 2
REFUSED = {
    "unknown": (401, "AUTH_001"),
    "expired": (403, "AUTH_002"),
    "telreq": (403, "AUTH_006"),
    "daily": (403, "DAILY_LIMIT_001"),
    "rate": (429, "RATE_001"),
    "flaky": (429, "RATE_001"),
    "err": (503, None),
    "raxe_live_short": (401, "AUTH_001"),
    "": (401, "AUTH_001"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_situation_is_told_by_its_code(key: str, ask: Asker, server: RaxeServer) -> None:
    answer = ask.send(key, heartbeat())
    assert (answer.status_code, answer.json().get("code")) == REFUSED[key]
    assert server.events == []


@pytest.mark.parametrize("key", ["ok", "ok2", "pro", "ent", NEW_KEY])
def test_events_of_a_good_key_are_taken(key: str, ask: Asker, server: RaxeServer) -> None:
    answer = ask.send(key, heartbeat(1), heartbeat(2))
    assert answer.json() == {
        "status": "ok",
        "batch_id": f"batch_{0:032x}",
        "accepted": 2,
        "rejected": 0,
        "duplicates": 0,
        "server_time": "2026-01-01T12:00:00Z",
    }
    assert server.events == [heartbeat(1), heartbeat(2)]


@pytest.mark.parametrize(
    ("key", "limits"),
    [
        (NEW_KEY, ("temporary", 50, 50_000, False, False)),
        ("ok", ("community", 100, 100_000, False, False)),
        ("pro", ("pro", 500, 1_000_000, True, False)),
        ("ent", ("enterprise", 2_000, 1_000_000_000, True, True)),
    ],
)
def test_a_key_is_told_its_limits(key: str, limits: tuple[Any, ...], ask: Asker) -> None:
    told = ask.health(key).json()["key"]
    rates, features = told["rate_limit"], told["features"]
    assert limits == (told["tier"], *rates.values(), *features.values())


def test_a_key_minted_offline_is_on_trial_for_two_weeks(ask: Asker, clock: FakeClock) -> None:
    ask.send(NEW_KEY, heartbeat())
    told = ask.health(NEW_KEY).json()["key"]
    assert (told["type"], told["trial_status"]["days_remaining"]) == ("temp", 14)
    clock.advance(14 * 86_400 - 1)
    assert ask.health(NEW_KEY).json()["key"]["trial_status"]["days_remaining"] == 1
    clock.advance(1)
    answer = ask.health(NEW_KEY)
    assert answer.json()["code"] == "AUTH_002"
    assert answer.json()["console_url"] == "https://api.raxe.test/keys"


def test_what_came_already_is_a_duplicate_whoever_sends_it(ask: Asker, server: RaxeServer) -> None:
    ask.send("ok", heartbeat(1))
    answer = ask.send("ok2", heartbeat(1), heartbeat(2), heartbeat(2)).json()
    assert (answer["status"], answer["accepted"], answer["duplicates"]) == ("ok", 1, 2)
    assert (len(server.events), server.duplicates) == (2, 2)
    assert ask.health("ok2").json()["key"]["usage_today"]["events_sent"] == 1


@pytest.mark.parametrize(
    ("partial", "name"),
    [(207, "rejected_events"), (202, "errors")],
)
def test_what_is_rejected_is_named_in_either_shape(
    partial: Any, name: str, ask: Asker, server: RaxeServer
) -> None:
    server.partial = partial
    server.refuse(lambda event: event["payload"]["uptime_seconds"] == 7)
    bad = heartbeat(1) | {"event_type": "gossip"}
    answer = ask.send("ok", bad, heartbeat(2), heartbeat(3, uptime_seconds=7))
    assert answer.status_code == partial
    told = answer.json()
    assert (told["status"], told["accepted"], told["rejected"]) == ("partial", 1, 2)
    assert [(one["event_id"][-1], one["code"]) for one in told[name]] == [
        ("1", "EVT_001"),
        ("3", "EVT_001"),
    ]
    assert server.events == [heartbeat(2)]


def test_a_day_has_so_many_events_until_midnight(
    ask: Asker, server: RaxeServer, clock: FakeClock
) -> None:
    account = server.accounts[server.keys["ok"]]
    account.events_per_day = 2
    ask.send("ok", heartbeat(1), heartbeat(2))
    answer = ask.send("ok", heartbeat(3))
    assert answer.json()["details"] == {
        "daily_limit": 2,
        "events_today": 2,
        "reset_at": MIDNIGHT,
    }
    clock.advance(12 * 3600)
    assert ask.send("ok", heartbeat(3)).status_code == 200
    assert account.events_today == 1


def test_a_minute_has_so_many_requests(ask: Asker, server: RaxeServer, clock: FakeClock) -> None:
    server.accounts[server.keys["ok"]].requests_per_minute = 2
    clock.advance(20)
    assert [ask.health("ok").status_code for _ in range(3)] == [200, 200, 429]
    answer = ask.send("ok", heartbeat())
    assert answer.headers["retry-after"] == "40"
    assert answer.headers["x-ratelimit-reset"] == str(MIDNIGHT - 12 * 3600 + 60)
    assert answer.json()["retry_after"] == answer.json()["details"]["retry_after"] == 40
    clock.advance(40)
    assert ask.send("ok", heartbeat()).status_code == 200


def test_flaky_is_fine_from_the_second_time_on_each_path(ask: Asker) -> None:
    sent = [ask.send("flaky", heartbeat()).status_code for _ in range(3)]
    asked = [ask.health("flaky").status_code for _ in range(3)]
    assert (sent, asked) == ([429, 200, 200], [429, 200, 200])


def test_slow_answers_when_nobody_listens_any_more(ask: Asker, server: RaxeServer) -> None:
    request = httpx.Request("POST", f"{server.url}/v1/telemetry")
    headers = {"authorization": f"Bearer {server.keys['slow']}"}
    with httpx.Client(timeout=0.01) as client, pytest.raises(httpx.ReadTimeout):
        client.post(request.url, json=enveloped(heartbeat()), headers=headers)
    server.late.seconds = 0.01
    assert ask.send("slow", heartbeat()).json()["accepted"] == 1


def test_an_event_may_be_tried(ask: Asker, server: RaxeServer) -> None:
    bad = heartbeat(2) | {"priority": "urgent"}
    told = ask.send("ok", heartbeat(1), bad, path="/v1/telemetry/dry-run").json()
    assert (told["status"], told["would_accept"], told["would_reject"]) == ("dry_run", 1, 1)
    assert [one["event_id"] for one in told["validation_errors"]] == [bad["event_id"]]
    assert (server.events, server.accounts[server.keys["ok"]].events_today) == ([], 0)


def test_its_clock_may_be_another(ask: Asker, server: RaxeServer) -> None:
    server.time.ahead = 3 * 3600
    assert ask.health("ok").json()["server_time"] == "2026-01-01T15:00:00Z"


@pytest.mark.parametrize(
    ("payload", "code", "place"),
    [
        ({"prompt": "ignore all rules"}, "PRI_002", "payload.prompt"),
        ({"l2": {"matched_text": ["a", "b"]}}, "PRI_002", "payload.l2.matched_text[0]"),
        ({"_mssp_data": {"who": "acme"}}, "PRI_002", "payload._mssp_data.who"),
        ({"note": "write to ada@example.org"}, "PRI_001", "payload.note"),
        ({"where": "C:\\Users\\ada"}, "PRI_001", "payload.where"),
        ({"host": "10.1.2.3"}, "PRI_001", "payload.host"),
        ({"key": NEW_KEY}, "PRI_001", "payload.key"),
    ],
)
def test_what_is_private_refuses_the_request(
    payload: Any, code: str, place: str, ask: Asker, server: RaxeServer
) -> None:
    answer = ask.send("ok", heartbeat(1), heartbeat(2, **payload))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["details"] == {"field": f"events[1].{place}"}
    server.names_offender = False
    assert ask.send("ok", heartbeat(2, **payload)).json()["details"] == {"field": place}
    assert server.events == []


def test_faults_are_told_in_its_words(ask: Asker, server: RaxeServer) -> None:
    server.fail(503, times=1)
    server.reject(lambda event: event["event_id"].endswith("2"), 422)
    assert ask.health("ok").json() == {"error": "server_error", "message": "it fails on request"}
    answer = ask.send("ok", heartbeat(1), heartbeat(2))
    assert (answer.status_code, answer.json()["code"]) == (422, "PRI_001")
    assert ask.send("ok", heartbeat(1)).status_code == 200


def test_what_did_not_come_is_shown_with_what_is_nearest(ask: Asker, server: RaxeServer) -> None:
    ask.send("ok", heartbeat())
    assert server.assert_event("heartbeat", uptime_seconds=60) == heartbeat()
    with pytest.raises(AssertionError, match="uptime_seconds is 60, not 61"):
        server.assert_event("heartbeat", uptime_seconds=61)

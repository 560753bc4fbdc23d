"""What a test asks the fake PostHog, and what it asks it to do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pytest_telemetry import FakeClock, PostHogServer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry.servers.posthog.exceptions import Issue

Fixture = pytest.FixtureRequest

FRAME: dict[str, Any] = {
    "platform": "python",
    "filename": "pay.py",
    "function": "pay",
    "module": "pay",
}
V1 = "/i/v1/analytics/events"
HEADERS = {
    "authorization": "Bearer phc_key",
    "posthog-sdk-info": "ours/1",
    "posthog-attempt": "1",
    "posthog-request-id": "0190a0a0-0000-7000-8000-000000000000",
    "posthog-request-timestamp": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def server(telemetry_clock: FakeClock) -> PostHogServer:
    return PostHogServer(telemetry_clock)


@pytest.fixture(params=["serving", "mounted"])
def http(request: Fixture, server: PostHogServer) -> Iterator[httpx.Client]:
    """Return a client of the server, on a port and in process."""
    with getattr(server, request.param)() as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def event(name: str, /, **properties: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": "ada", "properties": properties}


def send(http: httpx.Client, *events: dict[str, Any], **more: Any) -> httpx.Response:
    return http.post("/batch/", json={"api_key": "phc_key", "batch": events, **more})


def send_by_v1(http: httpx.Client, name: str, number: int = 1) -> httpx.Response:
    uuid = f"0190a0a0-0000-7000-8000-{number:012}"
    when = "2026-01-01T00:00:00Z"
    one = {**event(name), "uuid": uuid, "timestamp": when, "options": {}}
    return http.post(V1, json={"created_at": when, "batch": [one]}, headers=HEADERS)


# -- what it has kept


def test_a_test_has_its_own_and_in_its_own_time(
    telemetry_posthog_server: PostHogServer, telemetry_clock: FakeClock
) -> None:
    telemetry_posthog_server.slow(3600)
    before = telemetry_clock.monotonic()
    with httpx.Client(base_url=telemetry_posthog_server.url, timeout=30) as http:
        send(http, event("signed_up"))
    assert telemetry_clock.monotonic() - before == 3600
    telemetry_posthog_server.assert_event("signed_up")


def test_batches_say_how_events_came(server: PostHogServer, http: httpx.Client) -> None:
    send(http, event("a"), event("b"), sent_at="2026-01-01T00:00:00Z", historical_migration=True)
    http.post("/capture/", json={**event("c"), "api_key": " phc_other "})
    send_by_v1(http, "d")
    assert [(one.path, one.key, len(one.events)) for one in server.batches] == [
        ("/batch", "phc_key", 2),
        ("/capture", "phc_other", 1),
        (V1, "phc_key", 1),
    ]
    first, second, third = server.batches
    assert (first.sent_at, first.historical_migration) == ("2026-01-01T00:00:00Z", True)
    assert (second.sent_at, second.historical_migration) == (None, False)
    assert third.sent_at == HEADERS["posthog-request-timestamp"]


def test_what_comes_twice_is_there_once_and_in_both_batches(
    server: PostHogServer, http: httpx.Client
) -> None:
    send_by_v1(http, "signed_up")
    send(http, {**event("again"), "uuid": "0190A0A0-0000-7000-8000-000000000001"}, event("other"))
    assert [one["event"] for one in server.events] == ["signed_up", "other"]
    assert (server.duplicates, [len(one.events) for one in server.batches]) == (1, [1, 2])


def test_the_latest_event_with_these_properties_is_found(
    server: PostHogServer, http: httpx.Client
) -> None:
    send(http, event("bought", cents=1), event("bought", cents=2, name="tea"), event("left"))
    assert server.assert_event("bought")["properties"]["cents"] == 2
    assert server.assert_event("bought", cents=1)["distinct_id"] == "ada"
    server.assert_event("bought", name="tea")
    server.assert_no_event("bought", cents=3)


def test_in_vain_it_shows_what_came_instead(server: PostHogServer, http: httpx.Client) -> None:
    with pytest.raises(AssertionError, match="nothing of the kind was recorded"):
        server.assert_event("bought")
    send(http, event("left"), event("bought", cents=1))
    send(http, {"event": "bought"})
    send_by_v1(http, "")
    with pytest.raises(AssertionError) as failure:
        server.assert_event("bought", cents=2)
    lines = str(failure.value).splitlines()
    assert lines[:4] == [
        "no event bought with cents=2; 2 recorded, the nearest:",
        "  bought {'cents': 1}",
        "    cents is 1, not 2",
        "  left {}",
    ]
    assert lines[4].startswith("  refused: 400 POST /batch/ (")
    assert lines[4].endswith("bytes) event submitted without a distinct_id")
    assert lines[5] == "  refused: an event was dropped: missing_event_name"


def test_what_should_not_have_come_is_shown(server: PostHogServer, http: httpx.Client) -> None:
    send(http, event("bought", cents=1))
    with pytest.raises(AssertionError, match=r"^an event bought came: {'cents': 1}$"):
        server.assert_no_event("bought", cents=1)


# -- issues


def issues(server: PostHogServer, http: httpx.Client, *items: dict[str, Any]) -> list[Issue]:
    send(http, *(event("$exception", **{"$exception_list": [item]}) for item in items))
    return server.issues


def raised(type: str = "ValueError", value: str = "", *frames: dict[str, Any]) -> dict[str, Any]:
    return {"type": type, "value": value, "stacktrace": {"type": "raw", "frames": list(frames)}}


def test_one_type_from_one_place_is_one_issue(server: PostHogServer, http: httpx.Client) -> None:
    there = FRAME | {"function": "refund"}
    made = issues(
        server,
        http,
        raised("ValueError", "order 1", FRAME),
        raised("ValueError", "order 2", FRAME | {"lineno": 9}),
        raised("ValueError", "order 3", there),
        raised("KeyError", "order 3", there),
    )
    assert [(one.type, one.value, len(one.events)) for one in made] == [
        ("ValueError", "order 1", 2),
        ("ValueError", "order 3", 1),
        ("KeyError", "order 3", 1),
    ]


def test_frames_of_libraries_do_not_tell_places_apart(
    server: PostHogServer, http: httpx.Client
) -> None:
    library = FRAME | {"filename": "x.py", "in_app": False}
    installed = FRAME | {"filename": "y.py", "abs_path": "/v/lib/python3.12/site-packages/y.py"}
    made = issues(server, http, raised("E", "", FRAME), raised("E", "", FRAME, library, installed))
    assert len(made) == 1


def test_where_all_frames_are_of_libraries_the_outermost_tells(
    server: PostHogServer, http: httpx.Client
) -> None:
    one, other, inner = (FRAME | {"filename": name, "in_app": False} for name in ("x", "y", "z"))
    stacks = ((one, inner), (other, inner), (one, other))
    made = issues(server, http, *(raised("E", "", *frames) for frames in stacks))
    assert [len(issue.events) for issue in made] == [2, 1]


def test_without_frames_the_message_tells(server: PostHogServer, http: httpx.Client) -> None:
    made = issues(server, http, *({"type": "E", "value": value} for value in "aab"))
    assert [len(one.events) for one in made] == [2, 1]


def test_a_fingerprint_tells_more_than_anything(server: PostHogServer, http: httpx.Client) -> None:
    for name in ("KeyError", "ValueError"):
        send(
            http,
            event(
                "$exception", **{"$exception_list": [raised(name)], "$exception_fingerprint": "f"}
            ),
        )
    assert [len(one.events) for one in server.issues] == [2]


def test_a_long_message_is_cut(server: PostHogServer, http: httpx.Client) -> None:
    (made,) = issues(server, http, raised("E", "x" * 20_000))
    assert len(made.value) == 10_000


def test_errors_that_were_there_stay(server: PostHogServer, http: httpx.Client) -> None:
    send(http, event("$exception", **{"$cymbal_errors": ["before"]}))
    (kept,) = server.exceptions
    before, why = kept["properties"]["$cymbal_errors"]
    assert (before, why.endswith("$exception_list is missing")) == ("before", True)


# -- how it misbehaves


def test_an_event_is_rejected_with_the_whole_of_its_request(
    server: PostHogServer, http: httpx.Client
) -> None:
    fault = server.reject(lambda one: one["event"] == "bought", 400)
    answers = [
        send(http, event("left"), event("bought")),
        http.post("/capture/", json={**event("bought"), "api_key": "phc_key"}),
        send_by_v1(http, "bought"),
        send(http, event("left")),
        http.post("/flags/", json={}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 200, 200]
    assert answers[0].text == answers[2].json()["error_description"] == "it is rejected on request"
    assert ([one["event"] for one in server.events], fault.count) == (["left"], 3)


def test_what_cannot_be_read_is_not_rejected_but_refused(
    server: PostHogServer, http: httpx.Client
) -> None:
    server.reject(lambda one: True, 503)
    assert http.post("/batch/", content=b"{").status_code == 400
    assert http.post(V1, content=b"{", headers=HEADERS).status_code == 400
    assert send(http).text == "request holds no event"


def test_faults_speak_as_the_protocol_does(server: PostHogServer, http: httpx.Client) -> None:
    server.fail(503, times=2)
    first, second = send(http, event("a")), send_by_v1(http, "a")
    assert (first.status_code, first.text) == (503, "it fails on request")
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert second.json()["error_description"] == "it fails on request"
    assert server.events == []


def test_beyond_the_rate_one_is_told_when_to_come_again(
    server: PostHogServer, http: httpx.Client, telemetry_clock: FakeClock
) -> None:
    server.rate_limit(1, retry_after=30)
    assert send(http, event("a")).status_code == 200
    answers = [send(http, event("a")), send_by_v1(http, "a")]
    assert [(one.status_code, one.headers["retry-after"]) for one in answers] == [(429, "30")] * 2
    telemetry_clock.advance(30)
    assert send(http, event("a")).status_code == 200


def test_a_lost_answer_is_of_something_kept(server: PostHogServer, http: httpx.Client) -> None:
    one = {**event("a"), "uuid": "0190a0a0-0000-7000-8000-000000000001"}
    server.lose_reply(times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        send(http, one)
    assert send(http, one).status_code == 200
    assert (len(server.events), server.duplicates) == (1, 1)


def test_nobody_answers_while_it_hangs_and_nobody_is_there_while_it_is_down(
    server: PostHogServer, http: httpx.Client
) -> None:
    server.hang(times=1)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/batch/", json={}, timeout=httpx.Timeout(30, read=0.05))
    server.down()
    with pytest.raises(httpx.ConnectError):
        send(http, event("a"))
    server.clear()
    assert send(http, event("a")).status_code == 200
    assert len(server.events) == 1


def test_limits_may_be_lower(server: PostHogServer, http: httpx.Client) -> None:
    server.limits.event, server.limits.batch, server.limits.single = 200, 1000, 500
    assert send(http, *[event("a", s="x" * 100)] * 3).status_code == 200
    assert send(http, event("a", s="x" * 200)).status_code == 413
    assert send(http, *[event("a", s="x" * 100)] * 9).status_code == 413
    single = {"api_key": "phc_key", "batch": [event("a", s="x" * 100)] * 4}
    assert http.post("/capture/", json=single).status_code == 413
    assert len(server.events) == 3


# -- by hand


def test_it_starts_by_hand() -> None:
    command = [sys.executable, "-m", "pytest_telemetry.servers.posthog"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with httpx.Client(base_url=process.stdout.readline().split()[3]) as http:
            assert send(http, event("signed_up")).json() == {"status": "Ok"}
        process.send_signal(signal.SIGINT)
        shown = process.communicate(timeout=30)[0]
    assert shown.startswith("200 POST /batch/ (")
    assert json.loads(shown.splitlines()[1])["batch"][0]["event"] == "signed_up"


def test_nothing_is_kept_of_what_no_route_takes(server: PostHogServer) -> None:
    for path in ("/", "/batch/x", "/i/v1/e"):
        assert server.respond(Request("POST", path, {}, b"{}"), lambda: False).status == 404
    assert server.batches == []

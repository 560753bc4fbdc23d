"""The client of the routes gives what the service answers, and raises what can be acted upon."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_http_api import APIError, APIUnavailableError, APIValidationError, HTTPAPIClient

from tests.plugins.http_api.conftest import TOKEN, calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import FakeClock, RunsServer

RUN = {
    "event_id": "e-1",
    "run_id": "r-1",
    "agent_name": "crawler",
    "job_type": "nightly",
    "start_time": "2026-01-01T12:00:00+00:00",
    "git_repo": "https://github.com/ada/words",
}


@pytest.fixture
def client(server: RunsServer, clock: FakeClock) -> Iterator[HTTPAPIClient]:
    with HTTPAPIClient(server.url, auth_token=TOKEN, clock=clock) as client:
        yield client


def test_its_settings_are_what_it_was_given(client: HTTPAPIClient, server: RunsServer) -> None:
    assert (client.api_url, client.timeout, client.max_retries, client.retry_delay) == (
        server.url,
        10,
        3,
        1.0,
    )


def test_a_run_is_created_once(client: HTTPAPIClient) -> None:
    assert client.post_event(RUN) == {"status": "created", "event_id": "e-1", "run_id": "r-1"}
    assert client.post_event(RUN)["status"] == "duplicate"


def test_a_run_is_changed_and_read(client: HTTPAPIClient) -> None:
    client.post_event(RUN)
    told = client.patch_event("e-1", {"status": "success", "items_succeeded": 3})
    assert (told["updated"], told["fields_updated"]) == (True, ["status", "items_succeeded"])
    assert (client.get_run("e-1") or {})["items_succeeded"] == 3
    assert [run["event_id"] for run in client.get_runs(status="success", job_type=None)] == ["e-1"]
    assert client.get_run("nobody") is None


def test_a_batch_says_what_became_of_it(client: HTTPAPIClient, server: RunsServer) -> None:
    assert client.post_batch([]) == {"inserted": 0, "duplicates": 0, "errors": [], "total": 0}
    assert server.requests == []
    told = client.post_batch([RUN, RUN, {**RUN, "event_id": "e-2", "status": "sleeping"}])
    assert (told["inserted"], told["duplicates"], told["total"]) == (1, 1, 3)
    assert len(told["errors"]) == 1


def test_a_commit_is_associated_and_can_be_seen(client: HTTPAPIClient) -> None:
    client.post_event(RUN)
    told = client.associate_commit("e-1", "abc1234", "ci", "Ada", "2026-01-01T13:00:00Z")
    assert (told["status"], told["commit_hash"]) == ("success", "abc1234")
    assert client.commit_url("e-1") == "https://github.com/ada/words/commit/abc1234"
    assert client.repo_url("e-1") == "https://github.com/ada/words"


def test_the_service_tells_of_itself(client: HTTPAPIClient) -> None:
    client.post_event(RUN)
    assert client.check_health()
    assert client.get_metadata()["agent_names"] == ["crawler"]
    assert (client.get_metrics() or {})["total_runs"] == 1


def test_of_a_service_that_is_down_nothing_is_known(
    client: HTTPAPIClient, server: RunsServer
) -> None:
    server.down()
    assert (client.check_health(), client.get_metrics()) == (False, None)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_is_raised_at_once_with_its_words(
    client: HTTPAPIClient, server: RunsServer, status: int
) -> None:
    server.reject(lambda run: True, status)
    with pytest.raises(APIValidationError, match="e-1"):
        client.post_event(RUN)
    assert len(server.requests) == 1


def test_what_is_wrong_is_named(client: HTTPAPIClient) -> None:
    with pytest.raises(APIValidationError, match=r"body\.job_type"):
        client.post_event({name: value for name, value in RUN.items() if name != "job_type"})


@pytest.mark.parametrize("method", ["patch", "associate", "link"])
def test_a_run_that_is_not_there_is_no_use_trying(client: HTTPAPIClient, method: str) -> None:
    asked: Any = {
        "patch": lambda: client.patch_event("none", {"status": "success"}),
        "associate": lambda: client.associate_commit("none", "abc1234", "ci"),
        "link": lambda: client.commit_url("none"),
    }[method]
    with pytest.raises(APIValidationError, match="not found: none"):
        asked()


def test_a_wrong_token_is_an_error_that_says_so(server: RunsServer, clock: FakeClock) -> None:
    server.tokens.add(TOKEN)
    with (
        HTTPAPIClient(server.url, clock=clock) as client,
        pytest.raises(APIError, match="check the token"),
    ):
        client.post_event(RUN)


def test_a_service_that_is_busy_for_a_moment_is_tried_again(
    client: HTTPAPIClient, server: RunsServer, clock: FakeClock
) -> None:
    server.fail(503, times=2)
    begun = clock.monotonic()
    assert client.post_event(RUN)["status"] == "created"
    assert clock.monotonic() - begun == 2.0


def test_a_lost_reply_is_asked_for_again(client: HTTPAPIClient, server: RunsServer) -> None:
    server.lose_reply(times=1)
    assert client.post_event(RUN)["status"] == "duplicate"


def test_a_service_that_stays_away_is_unavailable_after_so_many_attempts(
    client: HTTPAPIClient, server: RunsServer
) -> None:
    fault = server.fail(503)
    with pytest.raises(APIUnavailableError):
        client.post_event(RUN)
    assert fault.count == 3
    server.down()
    with pytest.raises(APIUnavailableError, match="does not answer"):
        client.post_event(RUN)


def test_a_defect_is_not_tried_again(client: HTTPAPIClient, server: RunsServer) -> None:
    server.fail(500)
    with pytest.raises(APIError) as caught:
        client.post_event(RUN)
    assert not isinstance(caught.value, APIUnavailableError | APIValidationError)
    assert len(server.requests) == 1


def test_threads_share_it(client: HTTPAPIClient, server: RunsServer) -> None:
    events = [{**RUN, "event_id": f"e-{n}"} for n in range(12)]
    threads = [threading.Thread(target=client.post_event, args=(event,)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.runs) == 12


def test_it_can_be_used_again_after_it_was_closed(client: HTTPAPIClient) -> None:
    client.close()
    client.close()
    assert client.check_health()


def test_the_reference_is_spoken_to_in_the_same_words(
    reference: RunsServer, clock: FakeClock
) -> None:
    with HTTPAPIClient(reference.url, clock=clock) as client:
        assert client.post_event(RUN)["status"] == "created"
        assert client.patch_run("e-1", {"status": "success"})["updated"]
    assert calls(reference) == ["POST /api/v1/runs", "PATCH /api/v1/runs/ID"]

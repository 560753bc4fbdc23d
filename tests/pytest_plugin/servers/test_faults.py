"""Each way to misbehave, the same over a port and in process, to a real client."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pytest_telemetry import FakeClock, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.servers.faults import Fault

HttpAt = tuple[HttpServer, httpx.Client, FakeClock]

VALUE = {"n": 1}
SOON = httpx.Timeout(30, read=0.05)


@pytest.fixture(params=["serving", "mounted"])
def http_at(request: pytest.FixtureRequest, telemetry_clock: FakeClock) -> Iterator[HttpAt]:
    """Return a server that lives in the time of the test, and a client of it."""
    server = HttpServer(telemetry_clock)
    with getattr(server, request.param)() as url, httpx.Client(base_url=url) as client:
        yield server, client, telemetry_clock


def in_thread(work: Callable[[], httpx.Response]) -> Callable[[], Any]:
    """Do the work in a thread; return what waits for the answer or the error."""
    results: list[object] = []

    def keep() -> None:
        try:
            results.append(work())
        except httpx.HTTPError as error:
            results.append(error)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()

    def result() -> object:
        thread.join(30)
        assert results, "the thread is still waiting"
        return results[0]

    return result


def statuses(http: httpx.Client, count: int) -> list[int]:
    return [http.post("/", json=VALUE).status_code for _ in range(count)]


def test_without_a_fault_everything_is_taken(server: HttpServer, http: httpx.Client) -> None:
    answer = http.post("/events?a=1&b=%20", json=VALUE, headers={"X-Key": "k"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    (request,) = server.requests
    assert (request.method, request.path, request.query) == (
        "POST",
        "/events",
        {"a": "1", "b": " "},
    )
    assert (request.headers["x-key"], request.json()) == ("k", VALUE)
    assert str(request).startswith("POST /events?a=1&b=%20 (")


# -- down


def test_nobody_can_connect_to_a_server_that_is_down(
    server: HttpServer, http: httpx.Client
) -> None:
    assert statuses(http, 1) == [200]
    server.down()
    for _ in range(2):
        with pytest.raises(httpx.ConnectError, match="Connection refused"):
            http.post("/", json=VALUE)
    server.up()
    assert statuses(http, 1) == [200]
    assert len(server.requests) == 2


def test_a_server_may_be_down_from_the_beginning(server: HttpServer) -> None:
    server.down()
    for place in (server.serving, server.mounted):
        with place() as url, pytest.raises(httpx.ConnectError):
            httpx.post(url)


def test_going_down_cuts_the_connections_there_are(server: HttpServer, http: httpx.Client) -> None:
    server.hang()
    error = in_thread(lambda: http.post("/", json=VALUE))
    server.wait_for(lambda: server.requests)
    server.down()
    assert isinstance(error(), httpx.RemoteProtocolError)


# -- answers


def test_a_failing_server_fails_so_many_times(server: HttpServer, http: httpx.Client) -> None:
    fault = server.fail(503, times=3)
    assert statuses(http, 5) == [503, 503, 503, 200, 200]
    assert (fault.count, len(server.requests), server.received) == (3, 5, [VALUE] * 2)


def test_a_failing_server_fails_until_it_is_mended(server: HttpServer, http: httpx.Client) -> None:
    fault = server.fail(500)
    assert statuses(http, 2) == [500, 500]
    server.clear(fault)
    server.clear(fault)
    assert statuses(http, 1) == [200]
    assert fault.count == 2


def test_beyond_the_rate_one_is_told_when_to_come_again(http_at: HttpAt) -> None:
    server, http, clock = http_at
    fault = server.rate_limit(2, retry_after=30)
    assert statuses(http, 3) == [200, 200, 429]
    clock.advance(20)
    answer = http.post("/", json=VALUE)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    clock.advance(10)
    assert statuses(http, 3) == [200, 200, 429]
    assert fault.count == 3


def test_what_a_test_picks_is_rejected_and_nothing_of_it_stored(
    server: HttpServer, http: httpx.Client
) -> None:
    fault = server.reject(lambda value: value["n"] == 2, 422)
    answers = [http.post("/", json=[{"n": 1}, {"n": n}]).status_code for n in (1, 2, 3)]
    assert answers == [200, 422, 200]
    assert http.post("/", content=b"no json").status_code == 400
    assert ([value["n"] for value in server.received], fault.count) == ([1, 1, 1, 3], 1)


def test_a_lost_reply_is_of_something_stored(server: HttpServer, http: httpx.Client) -> None:
    fault = server.lose_reply(times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending"):
        http.post("/", json=VALUE)
    assert statuses(http, 1) == [200]
    assert (server.received, fault.count) == ([VALUE, VALUE], 1)


# -- time


def test_a_hanging_server_takes_the_request_and_never_answers(
    server: HttpServer, http: httpx.Client
) -> None:
    fault = server.hang(times=1)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/", json=VALUE, timeout=SOON)
    assert statuses(http, 1) == [200]
    assert (fault.count, len(server.requests), server.received) == (1, 2, [VALUE])


@pytest.mark.parametrize("release", [HttpServer.clear, HttpServer.down])
def test_who_hangs_is_let_go_without_an_answer(
    release: Callable[[HttpServer], None], server: HttpServer, http: httpx.Client
) -> None:
    server.hang()
    error = in_thread(lambda: http.post("/", json=VALUE, timeout=None))
    server.wait_for(lambda: server.requests)
    release(server)
    assert isinstance(error(), httpx.RemoteProtocolError)


@pytest.mark.parametrize("place", [HttpServer.serving, HttpServer.mounted])
def test_who_hangs_is_let_go_at_the_end(place: Any, server: HttpServer) -> None:
    server.hang()
    with place(server) as url:
        error = in_thread(lambda: httpx.post(url, json=VALUE, timeout=None))
        server.wait_for(lambda: server.requests)
    assert isinstance(error(), httpx.RemoteProtocolError)


def test_a_slow_server_answers_in_the_end(server: HttpServer, http: httpx.Client) -> None:
    fault = server.slow(0.01)
    assert statuses(http, 1) == [200]
    assert (fault.count, server.received) == (1, [VALUE])


def test_a_server_slower_than_the_client_has_patience_times_out(
    server: HttpServer, http: httpx.Client
) -> None:
    server.slow(0.04)
    server.slow(3600)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/", json=VALUE, timeout=SOON)


def test_who_waits_for_a_slow_server_goes_on_when_that_is_over(
    server: HttpServer, http: httpx.Client
) -> None:
    server.slow(3600)
    answer = in_thread(lambda: http.post("/", json=VALUE, timeout=None))
    server.wait_for(lambda: server.requests)
    server.clear()
    assert answer().status_code == 200


def test_under_a_clock_of_the_test_slowness_moves_that_clock(http_at: HttpAt) -> None:
    server, http, clock = http_at
    before = clock.monotonic()
    server.slow(3600)
    assert statuses(http, 1) == [200]
    assert clock.monotonic() - before == 3600


# -- together


def test_faults_act_in_the_order_in_which_they_were_asked_for(
    server: HttpServer, http: httpx.Client
) -> None:
    faults: list[Fault] = [server.slow(0), server.fail(503, times=1), server.lose_reply(times=1)]
    assert statuses(http, 1) == [503]
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", json=VALUE)
    assert statuses(http, 1) == [200]
    assert [fault.count for fault in faults] == [3, 1, 1]


def test_a_lost_reply_may_be_one_of_failure(server: HttpServer, http: httpx.Client) -> None:
    server.lose_reply()
    server.fail(503)
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", json=VALUE)
    assert server.received == []


def test_all_is_well_after_clearing(server: HttpServer, http: httpx.Client) -> None:
    server.fail()
    server.hang()
    server.down()
    server.clear()
    assert statuses(http, 1) == [200]


def test_so_many_times_are_so_many_however_many_ask_at_once(
    server: HttpServer, http: httpx.Client
) -> None:
    fault = server.fail(503, times=7)
    answers = [in_thread(lambda: http.post("/", json=VALUE)) for _ in range(20)]
    assert sorted(answer().status_code for answer in answers) == [200] * 13 + [503] * 7
    assert (fault.count, len(server.received)) == (7, 13)

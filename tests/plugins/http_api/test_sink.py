"""A batch is one request to our service, and its answer says what became of each record."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import HttpServer, Response, RunsServer
from telemetry_http_api import HttpApiSink

from telemetry_core import Batch, Receipt
from tests.plugins.http_api.conftest import TOKEN, calls, shipping

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, Request, Story

    from tests.plugins.http_api.conftest import Ship, Sinks

ROUTE = "POST /api/v1/records"


def test_a_story_arrives_in_one_request(ship: Ship, story: Story, server: RunsServer) -> None:
    told = story.told()
    assert ship(*told) == Receipt.of(record.id for record in told)
    assert calls(server) == [ROUTE]
    (run,) = server.runs.values()
    assert (run["status"], run["metrics_json"], len(server.events)) == ("success", {"pages": 3}, 3)


def test_no_records_are_no_request(ship: Ship, server: RunsServer) -> None:
    assert ship() == Receipt()
    assert server.requests == []


def test_a_record_that_is_refused_costs_no_other(
    ship: Ship, story: Story, server: RunsServer
) -> None:
    first, bad, last = (story.event(name) for name in ("good", "bad", "fine"))
    server.refuse(lambda line: line["body"]["event_type"] == "bad", "unstorable", "no column")
    receipt = ship(first, bad, last)
    assert receipt.delivered == {first.id, last.id}
    assert receipt.rejected[bad.id].code == "unstorable"
    assert "no column" in receipt.rejected[bad.id].reason


def test_the_token_goes_with_each_request(
    server: RunsServer, sink_for: Sinks, story: Story
) -> None:
    server.tokens.add(TOKEN)
    assert shipping(sink_for(server, token=TOKEN))(story.event()).delivered


def test_a_wrong_token_pauses_the_sink(ship: Ship, server: RunsServer, story: Story) -> None:
    server.tokens.add(TOKEN)
    receipt = ship(story.event())
    assert (receipt.code, receipt.pause_until is not None) == ("http_401", True)
    assert "check the key or token" in receipt.reason


def test_what_is_too_large_is_refused_as_a_whole(
    ship: Ship, server: RunsServer, story: Story
) -> None:
    server.max_batch = 1
    assert ship(story.event(), story.event()).refused_whole
    assert ship(story.event()).delivered


def test_a_busy_service_says_when_to_come_again(
    ship: Ship, server: RunsServer, story: Story
) -> None:
    server.rate_limit(0, retry_after=30)
    assert (ship(story.event()).retry_after or 0) > 0


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_service_in_trouble_is_waited_for(
    ship: Ship, server: RunsServer, story: Story, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert not receipt.delivered | receipt.rejected.keys()
    assert receipt.code == f"http_{status}"


def test_a_service_that_is_down_is_waited_for(ship: Ship, server: RunsServer, story: Story) -> None:
    server.down()
    assert ship(story.event()).code == "network"
    server.up()
    assert ship(story.event()).delivered


def test_what_was_stored_and_never_answered_is_there_once(
    ship: Ship, server: RunsServer, story: Story
) -> None:
    told = story.told()
    server.lose_reply(times=1)
    assert ship(*told).code == "network"
    assert len(ship(*told).delivered) == len(told)
    assert (len(server.runs), len(server.events)) == (1, 3)


def test_a_call_ends_with_its_deadline(server: RunsServer, story: Story) -> None:
    sink = HttpApiSink(url=server.url)
    hang = server.hang()
    assert shipping(sink)(story.event(), within=0.1).code == "network"
    server.clear(hang)
    sink.close()


class Odd(HttpServer):
    """Something else that answers at the address."""

    body: Any = "<html>"
    status = 200

    def handle(self, request: Request) -> Response:
        return Response(self.status, {}, json.dumps(self.body).encode())


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        {},
        [],
        {"accepted": 0, "rejected": []},
        {"accepted": 2, "rejected": []},
        {"accepted": 0, "rejected": [{"index": 7, "code": "x", "reason": ""}]},
        {"accepted": "1"},
    ],
)
def test_a_success_that_speaks_of_other_records_settles_nothing(
    story: Story, clock: FakeClock, body: Any
) -> None:
    odd = Odd()
    odd.body = body
    with odd.serving() as url:
        sink = HttpApiSink(url=url, clock=clock)
        receipt = shipping(sink)(story.event())
        sink.close()
    assert not receipt.delivered | receipt.rejected.keys()
    assert receipt.code == "answer"
    assert "check the URL" in receipt.reason


def test_an_address_where_nothing_takes_records_pauses(story: Story, clock: FakeClock) -> None:
    odd = Odd()
    odd.status = 404
    with odd.serving() as url:
        sink = HttpApiSink(url=url, clock=clock)
        receipt = shipping(sink)(story.event())
        sink.close()
    assert (receipt.code, receipt.rejected) == ("http_404", {})
    assert receipt.pause_until is not None


def test_a_redirect_is_not_followed(story: Story, clock: FakeClock, server: RunsServer) -> None:
    elsewhere = {"location": f"{server.url}/api/v1/records"}

    class Moved(HttpServer):
        def handle(self, request: Request) -> Response:
            return Response(308, elsewhere)

    with Moved().serving() as url:
        sink = HttpApiSink(url=url, token=TOKEN, clock=clock)
        receipt = shipping(sink)(story.event())
        sink.close()
    assert (receipt.code, server.requests) == ("http_308", [])
    assert receipt.pause_until is not None


def test_a_large_batch_is_packed_on_its_way(story: Story, clock: FakeClock) -> None:
    server = RunsServer()
    with server.mounted("https://runs.example") as url:
        sink = HttpApiSink(url=url, clock=clock)
        receipt = shipping(sink)(*(story.event() for _ in range(50)))
        sink.close()
    assert len(receipt.delivered) == len(server.events) == 50
    (request,) = server.requests
    assert request.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(request.body)) > 4 * len(request.body)


def test_on_this_machine_nothing_is_packed_and_no_proxy_asked(
    server: RunsServer, ship: Ship, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    ship(*(story.event() for _ in range(50)))
    assert "content-encoding" not in server.requests[0].headers


def test_the_figures_count_what_became_of_records(
    sink: HttpApiSink, ship: Ship, story: Story, server: RunsServer
) -> None:
    server.refuse(lambda line: line["body"]["event_type"] == "bad")
    ship(story.event("bad"), story.event("good"))
    assert sink.stats() == {"batches": 1, "delivered": 1, "rejected": 1}


def test_its_health_is_the_services(sink: HttpApiSink, server: RunsServer) -> None:
    health = sink.check_health()
    assert (health.ok, health.details["url"]) == (True, server.url)
    assert health.details["service"].startswith("telemetry-run-service/")


@pytest.mark.parametrize(
    ("token", "says"), [(None, "wants a token"), ("another", "does not accept our token")]
)
def test_a_service_that_will_refuse_our_token_is_unhealthy(
    sink_for: Sinks, server: RunsServer, token: str | None, says: str
) -> None:
    server.tokens.add(TOKEN)
    health = sink_for(server, token=token).check_health()
    assert (health.ok, says in health.message) == (False, True)
    assert sink_for(server, token=TOKEN).check_health().ok


def test_a_service_that_is_down_is_unhealthy(sink: HttpApiSink, server: RunsServer) -> None:
    server.down()
    health = sink.check_health()
    assert not health.ok
    assert "is it running" in health.message


@pytest.mark.parametrize(("body", "status"), [("<html>", 200), ({"status": "sick"}, 503)])
def test_something_else_at_the_address_is_unhealthy(
    clock: FakeClock, body: Any, status: int
) -> None:
    odd = Odd()
    odd.body, odd.status = body, status
    with odd.serving() as url:
        sink = HttpApiSink(url=url, clock=clock)
        assert not sink.check_health().ok
        sink.close()


def test_certificates_that_are_not_there_are_named(clock: FakeClock, story: Story) -> None:
    sink = HttpApiSink(url="https://runs.example", trust_store="/nowhere.pem", clock=clock)
    with pytest.raises(Exception, match=r"trust_store in \[plugins.http_api\]"):
        sink.ship_batch(Batch((story.event(),), deadline=clock.monotonic() + 1))

"""What a server answers settles each event by itself, in both shapes of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import Response

from telemetry_core import Rejection
from tests.plugins.hmac_ingest.conftest import SECRET, TOKEN, error_of, flat, nested, success

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_telemetry import Story

    from tests.plugins.hmac_ingest.conftest import ScriptedServer, Ship

each_shape = pytest.mark.parametrize("shape", [flat, nested])
Shape = Any


def partial(codes: dict[int, str], accepted: int, rejected: int) -> Callable[[Any], Response]:
    """Return a 207 that refuses the events of these places with these codes."""

    def answer(events: list[dict[str, Any]]) -> Response:
        errors = [error_of(events[at], code) for at, code in codes.items()]
        told = {"status": "partial", "accepted": accepted, "rejected": rejected, "errors": errors}
        return Response.json(told, 207)

    return answer


def refusing_all(code: str, status: int = 400) -> Callable[[Any], Response]:
    def answer(events: list[dict[str, Any]]) -> Response:
        errors = [error_of(event, code) for event in events]
        return flat(status, "bad_request", "all events were refused", errors=errors)

    return answer


# -- what a part of a batch can become


def test_after_207_only_what_was_taken_is_delivered(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(partial({1: "invalid_schema", 2: "unsupported_schema"}, 2, 2))
    first, bad, strange, last = (story.event() for _ in range(4))
    receipt = ship(first, bad, strange, last)
    assert receipt.delivered == {first.id, last.id}
    assert receipt.rejected == {
        bad.id: Rejection("invalid_schema", "why"),
        strange.id: Rejection("unsupported_schema", "why"),
    }


def test_what_the_server_has_already_is_delivered(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(partial({0: "duplicate"}, 1, 1))
    known, new = story.event(), story.event()
    assert ship(known, new).delivered == {known.id, new.id}


@pytest.mark.parametrize("code", ["database_error", "internal_error", "service_unavailable"])
def test_what_the_server_could_not_keep_waits(
    ship: Ship, story: Story, server: ScriptedServer, code: str
) -> None:
    server.says(partial({0: code}, 1, 1))
    unkept, kept = story.event(), story.event()
    receipt = ship(unkept, kept)
    assert (receipt.delivered, receipt.rejected) == (frozenset({kept.id}), {})


def test_where_the_count_is_not_that_of_the_errors_the_unnamed_wait(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(partial({0: "invalid_schema"}, 1, 2))
    receipt = ship(bad := story.event(), story.event(), story.event())
    assert (receipt.delivered, [*receipt.rejected]) == (frozenset(), [bad.id])


@pytest.mark.parametrize(
    "errors",
    [
        [{"event_id": "00000000-0000-0000-0000-000000000000", "error": "invalid_schema"}],
        [{"event_id": 7, "error": "x"}, {"error": "x"}, None, "x"],
        {"event_id": "x"},
        "none",
    ],
)
def test_errors_that_name_none_of_ours_settle_nothing(
    ship: Ship, story: Story, server: ScriptedServer, errors: Any
) -> None:
    told = {"status": "partial", "accepted": 0, "rejected": 2, "errors": errors}
    server.says(Response.json(told, 207))
    receipt = ship(story.event(), story.event())
    assert (receipt.delivered, receipt.rejected, receipt.refused_whole) == (frozenset(), {}, False)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_names_every_event_settles_each(
    ship: Ship, story: Story, server: ScriptedServer, status: int
) -> None:
    server.says(refusing_all("invalid_schema", status))
    records = [story.event() for _ in range(3)]
    receipt = ship(*records)
    assert {key: why.code for key, why in receipt.rejected.items()} == {
        record.id: "invalid_schema" for record in records
    }
    assert not receipt.refused_whole


def test_a_batch_that_the_server_has_already_is_delivered_though_it_says_400(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(refusing_all("duplicate"))
    assert len(ship(story.event(), story.event()).delivered) == 2


def test_a_refusal_that_names_none_of_ours_is_looked_for_in_halves(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    stranger = {"event_id": "00000000-0000-0000-0000-000000000000", "error": "invalid_schema"}
    server.says(flat(400, "bad_request", "all refused", errors=[stranger]))
    assert ship(story.event(), story.event()).refused_whole


# -- what a whole batch can become


def test_a_partial_success_without_refusals_is_one(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    told = {"status": "partial", "accepted": 1, "rejected": 0, "errors": []}
    server.says(Response.json(told, 207))
    assert ship(record := story.event()).delivered == {record.id}


def test_all_is_delivered_after_200(ship: Ship, story: Story) -> None:
    assert len(ship(story.event(), story.event()).delivered) == 2


def test_204_means_that_the_server_does_not_track(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    server.says(Response(204))
    assert ship(record := story.event()).delivered == {record.id}
    assert server.taken == []


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "text/html"}, b"<h1>Please sign in</h1>"),
        Response.json({"ok": True}),
        Response.json([]),
        Response.json({"accepted": True}),
        Response.json({"accepted": 1, "rejected": 2}),
        Response.json({"accepted": 1}, 201),
        Response.json({"accepted": 1}, 202),
        Response.json({"status": "partial"}, 207),
    ],
    ids=["page", "json", "list", "true", "rejected", "201", "202", "207"],
)
def test_what_is_no_answer_of_the_protocol_delivers_nothing(
    ship: Ship, story: Story, server: ScriptedServer, answer: Response
) -> None:
    server.says(answer)
    receipt = ship(story.event())
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)
    assert "check the endpoint" in receipt.reason


@each_shape
@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_has_to_be_mended_pauses_the_sink_with_the_words_of_the_server(
    ship: Ship, story: Story, server: ScriptedServer, shape: Shape, status: int
) -> None:
    server.says(shape(status, "not_you", "Token does not\n match"))
    receipt = ship(story.event())
    assert (receipt.code, receipt.pause_until is not None) == (f"http_{status}", True)
    assert receipt.reason.startswith("not_you: Token does not match")
    assert len(server.requests) == 1


@each_shape
@pytest.mark.parametrize("status", [400, 413])
def test_a_refusal_that_names_no_event_is_looked_for_in_halves(
    ship: Ship, story: Story, server: ScriptedServer, shape: Shape, status: int
) -> None:
    server.says(shape(status, "bad_request", "Invalid JSON"))
    assert ship(story.event(), story.event()).refused_whole
    server.says(shape(status, "bad_request", "Invalid JSON"))
    assert ship(alone := story.event()).rejected == {
        alone.id: Rejection(f"http_{status}", "bad_request: Invalid JSON")
    }


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_in_trouble_is_waited_for(
    ship: Ship, story: Story, server: ScriptedServer, status: int
) -> None:
    server.fail(status)
    receipt = ship(story.event())
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)


@each_shape
def test_a_server_that_is_too_busy_says_for_how_long(
    ship: Ship, story: Story, server: ScriptedServer, shape: Shape
) -> None:
    server.says(shape(429, "rate_limit_exceeded", "slow down", retry_after=17))
    assert ship(story.event()).retry_after == 17
    header = Response(429, {"retry-after": "23"}, shape(429, "x", retry_after=17).body)
    server.says(header)
    assert ship(story.event()).retry_after == 23


@pytest.mark.parametrize("said", [None, -1, "soon", True, 1e400])
def test_a_senseless_wait_is_none(
    ship: Ship, story: Story, server: ScriptedServer, said: Any
) -> None:
    server.says(flat(429, "rate_limit_exceeded", retry_after=said))
    receipt = ship(story.event())
    assert (receipt.retry_after, receipt.delivered) == (None, frozenset())


def test_a_secret_that_the_server_repeats_is_not_shown(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    words = f"{TOKEN} signed with {SECRET}".encode()
    server.says(Response(401, {"content-type": "text/plain"}, words))
    assert ship(story.event()).reason.startswith("<secret> signed with <secret>: ")


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 5000, b'{"error":{"code":7}}', b'{"error":[1],"message":{}}']
)
def test_an_answer_in_no_shape_is_what_its_status_says(
    ship: Ship, story: Story, server: ScriptedServer, body: bytes
) -> None:
    server.says(Response(401, {}, body))
    assert ship(story.event()).code == "http_401"


def test_a_batch_of_several_requests_ends_at_the_first_that_is_not_answered_well(
    ship: Ship, story: Story, server: ScriptedServer
) -> None:
    large = [story.event(payload={"text": "x" * 2_000_000}) for _ in range(6)]
    server.says(success(2), flat(503, "unavailable"))
    receipt = ship(*large)
    assert receipt.delivered == {record.id for record in large[:2]}
    assert len(server.requests) == 2

"""Bad input over a raw connection: refused as JSON, the connection kept, nothing half-written."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.lines import Line, chunked, request
from tests.servers.run_service.wire.telling import RUNS, a_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.run_service.wire.serving import Service
    from tests.servers.run_service.wire.telling import Api

HEALTH = request("GET", "/health")
CHUNKED = "Transfer-Encoding: chunked"
GZIP = "Content-Encoding: gzip"
MIB = 1 << 20


@pytest.fixture
def line(service: Service) -> Iterator[Line]:
    with Line(service.port) as connection:
        yield connection


def post(body: Any, *headers: str, to: str = RUNS) -> bytes:
    """Write down a POST of a document, or of bytes that are none."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request("POST", to, data, *headers)


def with_a(name: str, value: str) -> bytes:
    """Write down a run with a value that is no JSON of ours."""
    return json.dumps(a_run(**{name: "?"})).replace('"?"', value).encode()


BATCH = f"{RUNS}/batch"
# Not written down before it is asked: all of it together takes a second and 80 MB.
REFUSED: dict[str, tuple[Callable[[], bytes], set[int]]] = {
    "malformed": (lambda: post(b'{"event_id": '), {422}),
    "no JSON at all": (lambda: post(b"\x00\x01\x02"), {422}),
    "not UTF-8": (lambda: post(b'{"event_id": "\xff\xfe"}'), {422}),
    "deep": (lambda: post(b"[" * 200_000), {422}),
    "deep and whole": (lambda: post(b'{"a":' * 5000 + b"1" + b"}" * 5000), {422}),
    "deep metrics": (lambda: post(with_a("metrics_json", "[" * 900 + "]" * 900)), {422}),
    "wrong types": (lambda: post(a_run(run_id=5, items_failed="x", api_posted=[])), {422}),
    "negative": (lambda: post(a_run(items_failed=-1)), {422}),
    "unknown status": (lambda: post(a_run(status="done")), {422}),
    "huge": (lambda: post(a_run(duration_ms=10**30)), {422}),
    "digits without end": (lambda: post(b'{"duration_ms": ' + b"9" * 100_000 + b"}"), {422}),
    "not a number": (lambda: post(b'{"duration_ms": NaN}'), {422}),
    "infinite": (lambda: post(with_a("duration_ms", "1e999")), {422}),
    "no body": (lambda: request("POST", RUNS), {422}),
    "text": (lambda: post(a_run(), "Content-Type: text/plain"), {422}),
    "a charset": (lambda: post(b"\xff", "Content-Type: application/json; charset=nonsense"), {422}),
    "20 MB": (lambda: post(b"x" * (20 * MIB)), {413}),
    "20 MB of a run": (lambda: post(a_run(output_summary="x" * (20 * MIB))), {413}),
    "20 MB in chunks": (
        lambda: request("POST", RUNS, chunked(b"x" * (20 * MIB), MIB), CHUNKED),
        {413},
    ),
    "100 000 rows": (lambda: post([{}] * 100_000, to=BATCH), {413}),
    "100 000 rows, wrapped": (lambda: post({"runs": [{}] * 100_000}, to=BATCH), {413}),
    "100 000 records": (lambda: post({"records": [{}] * 100_000}, to="/api/v1/records"), {413}),
    "a bomb": (lambda: post(gzip.compress(bytes(64 * MIB), 1), GZIP), {413}),
    "no gzip": (lambda: post(b"{}", GZIP), {400, 422}),
    "half of a gzip": (lambda: post(gzip.compress(b"{}" * 99)[:-9], GZIP), {400, 422}),
    "an encoding nobody has": (lambda: post(b"{}", "Content-Encoding: br"), {400, 415, 422}),
    "a raw plus": (
        lambda: request("GET", f"{RUNS}?created_after=2026-01-01T00:00:00+00:00"),
        {200, 400},
    ),
    "a half escape": (lambda: request("GET", f"{RUNS}?agent_name=%e4%&status=%"), {200, 400}),
    "an id with a slash": (lambda: request("GET", f"{RUNS}/a%2Fb"), {404}),
    "an id that is NUL": (lambda: request("GET", f"{RUNS}/%00"), {404}),
    "an id that is not UTF-8": (lambda: request("GET", f"{RUNS}/%ff"), {400, 404, 422}),
    "an id of 50 kB": (lambda: request("GET", f"{RUNS}/" + "x" * 50_000), {404, 414}),
    "a path that climbs": (lambda: request("GET", "/../../etc/passwd"), {404}),
    "1000 headers": (
        lambda: request("GET", "/none", None, *(f"X-{n}: y" for n in range(1000))),
        {404},
    ),
    "a body where none belongs": (lambda: request("GET", "/none", b"{}"), {404}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_as_json_and_the_connection_is_kept(line: Line, api: Api, name: str) -> None:
    sent, statuses = REFUSED[name]
    before = api.total()

    answer = line.ask(sent())

    assert answer.status in statuses, answer.body[:500]
    assert answer.status == 200 or answer.json["detail"]
    assert line.ask(HEALTH).status == 200
    assert api.total() == before


STRANGE: dict[str, dict[str, Any]] = {
    "NUL": {"product": "a\x00b"},
    "half a pair": {"product": "a\ud800b"},
    "beyond the plane": {"product": "\U0001f680"},
    "a name of NULs": {"agent_name": "\x00\x00"},
    "200 kB": {"error_details": "x" * 200_000},
    "2 MB": {"context_json": {"x": ["y" * 1000] * 2000}},
    "quotes": {"agent_name": "'; DROP TABLE agent_runs; --"},
    "an odd id": {"event_id": "\x00/../%2F?#"},
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_strange_but_a_text_is_stored_or_refused_whole(
    line: Line, api: Api, name: str
) -> None:
    run = a_run(**STRANGE[name])
    before = api.total()

    answer = line.ask(post(run))

    assert answer.status in {200, 201, 422}, answer.body[:500]
    assert api.total() - before == (answer.status == 201)
    assert line.ask(HEALTH).status == 200


def test_a_key_that_stands_twice_counts_once(line: Line, api: Api, mine: str) -> None:
    twice = with_a("event_id", f'"x", "event_id": "{mine}"')

    assert line.ask(post(twice)).status == 201
    assert api.get(mine)["event_id"] == mine


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_body_may_come_in_chunks(line: Line, api: Api, mine: str, size: int) -> None:
    body = json.dumps(a_run(event_id=mine)).encode()

    answer = line.ask(request("POST", RUNS, chunked(body, size), CHUNKED))

    assert answer.status == 201
    assert api.get(mine)["event_id"] == mine


def test_a_body_may_be_compressed(line: Line, api: Api, mine: str) -> None:
    body = gzip.compress(json.dumps(a_run(event_id=mine)).encode())

    assert line.ask(post(body, GZIP)).status == 201
    assert api.get(mine)["event_id"] == mine


def test_requests_that_come_at_once_are_answered_in_their_order(line: Line, mine: str) -> None:
    asked = [post(a_run(event_id=mine)), post(b"{"), request("GET", f"{RUNS}/{mine}"), HEALTH]

    line.send(b"".join(asked))

    assert [line.read().status for _ in asked] == [201, 422, 200, 200]


def test_a_hundred_writes_that_come_at_once_are_all_stored(line: Line, api: Api, mine: str) -> None:
    line.send(b"".join(post(a_run(event_id=f"{mine}-{n}", agent_name=mine)) for n in range(100)))

    assert {line.read().status for _ in range(100)} == {201}
    assert len(api.found(agent_name=mine, limit=1000)) == 100


def test_more_heads_may_come_at_once_than_one_may_be_long(line: Line) -> None:
    asked = request("GET", "/none", None, f"X-Long: {'x' * 1000}")

    line.send(asked * 300)

    assert {line.read().status for _ in range(300)} == {404}


def test_who_asks_whether_he_may_send_is_told_so(line: Line) -> None:
    body = json.dumps(a_run()).encode()
    line.send(request("POST", RUNS, body, "Expect: 100-continue")[: -len(body)])

    assert line.read().status == 100
    assert line.ask(body).status == 201


def test_a_slow_client_keeps_nobody_waiting(line: Line, api: Api, mine: str) -> None:
    sent = post(a_run(event_id=mine))

    for start in range(0, len(sent), 40):
        line.send(sent[start : start + 40])
        assert api.client.get("/health").status_code == 200

    assert line.read().status == 201


@pytest.mark.parametrize("part", [5, 60, -1])
def test_a_request_that_is_never_finished_stores_nothing(
    service: Service, api: Api, mine: str, part: int
) -> None:
    with Line(service.port) as line:
        line.send(post(a_run(event_id=mine))[:part])
        line.reset()

    assert api.client.get(f"{RUNS}/{mine}").status_code == 404


def test_who_leaves_after_a_request_has_left_nothing_half_done(
    service: Service, api: Api, mine: str
) -> None:
    rows = [a_run(event_id=f"{mine}-{n}", agent_name=mine) for n in range(200)]
    with Line(service.port) as line:
        line.send(post(rows, to=BATCH))
        line.reset()

    api.post()  # written in its turn, behind what came before it

    assert len(api.found(agent_name=mine, limit=1000)) in {0, 200}


def test_who_will_send_no_more_is_answered_all_that_he_asked(line: Line, mine: str) -> None:
    line.send(post(a_run(event_id=mine)) + request("GET", f"{RUNS}/{mine}"))
    line.half_close()

    assert [line.read().status for _ in range(2)] == [201, 200]
    assert line.is_closed()


@pytest.mark.parametrize("part", [5, 60, -1])
def test_who_will_send_no_more_amid_a_request_is_not_waited_for(
    line: Line, api: Api, mine: str, part: int
) -> None:
    line.send(post(a_run(event_id=mine))[:part])
    line.half_close()

    assert line.is_closed()
    assert api.client.get(f"{RUNS}/{mine}").status_code == 404


NO_HTTP = {
    "noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    "a method nobody has": request("BREW", RUNS),
    "a length that is none": request("POST", RUNS, b"{}", "Content-Length: two"),
    "a negative length": request("POST", RUNS, b"{}", "Content-Length: -2"),
    "two lengths": request("POST", RUNS, b"{}", "Content-Length: 2", "Content-Length: 3"),
    "length and chunks": request("POST", RUNS, chunked(b"{}"), CHUNKED, "Content-Length: 2"),
    "chunks that are none": request("POST", RUNS, b"zz\r\n{}\r\n", CHUNKED),
    "a header without a name": request("GET", "/health", None, ": x"),
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_is_refused_and_the_connection_ended(
    line: Line, api: Api, name: str
) -> None:
    assert line.ask(NO_HTTP[name]).status == 400
    assert line.is_closed()
    assert api.client.get("/health").status_code == 200


@pytest.mark.parametrize("piece", [b"X-Flood: x\r\n" * 1000, b"x" * 10_000], ids=["many", "long"])
def test_a_head_that_does_not_end_is_refused(service: Service, api: Api, piece: bytes) -> None:
    with Line(service.port) as line:
        line.send(b"GET /health HTTP/1.1\r\nX-Long: ")
        for _ in range(40):
            line.send(piece)
            assert api.client.get("/health").status_code == 200
            if line.has_answer():
                break

        assert line.read().status == 431
        assert line.is_closed()


def test_a_body_that_would_never_end_is_refused_at_once(line: Line, api: Api) -> None:
    answer = line.ask(request("POST", RUNS, b"{", f"Content-Length: {10**15}"))

    assert answer.status == 413
    assert answer.json["detail"]
    assert api.client.get("/health").status_code == 200

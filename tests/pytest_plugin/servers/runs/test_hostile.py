"""Whatever a client sends, the fake answers as a service does, and does not break."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from pytest_telemetry import Request, RunsServer
from pytest_telemetry.servers.runs.bodies import COMMIT, RUN, UPDATE
from pytest_telemetry.servers.runs.routing import OUR_ROUTES

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["failed", "2026-01-01T00:00:00Z", "9" * 5000, "1.0", "{}", "yes", 2**70]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*RUN.fields, *UPDATE.fields, *COMMIT.fields])
TEXTS = dict.fromkeys(("event_id", "run_id", "agent_name", "job_type"), "e")
RUNS = st.dictionaries(NAMES, VALUES, max_size=6).map(
    lambda more: TEXTS | {"start_time": "2026-01-01"} | more
)
RECORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["start_run", "end_run", "event", "tale"]) | VALUES,
        "id": st.text(max_size=2) | VALUES,
        "seq": st.integers(),
        "time": st.integers(),
        "body": RUNS.map(
            lambda run: {"trigger_type": None, "schema_version": 7, "status": "running"} | run
        )
        | st.fixed_dictionaries({"event_type": st.text()}, optional={"payload": VALUES}),
    }
)
BODIES = (
    VALUES
    | RUNS
    | st.lists(RUNS | VALUES, max_size=4)
    | st.lists(RECORDS | VALUES, max_size=4).map(lambda records: {"records": records})
)
QUERIES = st.dictionaries(
    st.sampled_from(["limit", "offset", "after", "status", "created_after", "total"]),
    st.text(st.characters(codec="utf-8")) | st.integers().map(str) | st.just("MQ=="),
    max_size=3,
)
KEYS = st.sampled_from(["e", "nobody", "", "a%2Fb", "%FF"])


@given(st.data(), st.booleans())
def test_it_breaks_at_nothing(data: st.DataObject, reference: bool) -> None:
    server = RunsServer(reference=reference)
    for _ in range(3):
        route = data.draw(st.sampled_from(OUR_ROUTES))
        path = "/".join(data.draw(KEYS) if part == "{id}" else part for part in route.pattern)
        query = data.draw(QUERIES)
        target = f"/{path}?" + "&".join(f"{name}={quote(text)}" for name, text in query.items())
        body = json.dumps(data.draw(BODIES)).encode() if route.method != "GET" else b""
        answer = server.respond(Request(route.method, target, {}, body), lambda: False)
        assert server._broken == []
        assert answer.status < 500 or reference


@given(st.binary(), st.sampled_from(["POST", "PATCH", "GET", "PUT"]), st.text())
def test_it_breaks_at_no_bytes(body: bytes, method: str, text: str) -> None:
    server = RunsServer()
    for path in ("runs", "runs/e", "runs/batch", "records", "runs/e/associate-commit"):
        for headers in ({}, {"content-type": text, "authorization": text}):
            request = Request(method, f"/api/v1/{path}", headers, body)
            assert server.respond(request, lambda: False).status < 500
    assert server._broken == []

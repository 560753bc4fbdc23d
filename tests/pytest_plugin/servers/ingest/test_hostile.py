"""Whatever a client sends, signed or not, the fake answers, and does not break."""

from __future__ import annotations

import gzip
import json
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from pytest_telemetry import FakeClock, IngestServer, Request

from tests.ingest_cases import good_event, signed

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*good_event(), "session_id"])
EVENTS = st.dictionaries(MEMBERS, VALUES, max_size=2).map(lambda other: {**good_event(), **other})
HEADERS = st.sampled_from(
    ["authorization", "x-signature", "x-timestamp", "x-nonce", "x-batch-size", "dnt"]
)


def answered(body: bytes, **headers: str) -> int:
    server = IngestServer(FakeClock())
    server.reject(lambda event: "never" in event)
    by = server.development
    told = signed(by.token, by.secret, body, str(int(server.time.seconds())), str(uuid4()))
    request = Request("POST", f"/v1/ingest/{by.org}/{by.app}", {**told, **headers}, body)
    answer = server.respond(request, lambda: False)
    assert server._broken == []
    assert answer.status < 500
    return answer.status


@given(VALUES)
def test_it_breaks_at_no_value(body: Any) -> None:
    assert answered(json.dumps(body).encode()) == 400


@given(st.lists(EVENTS | VALUES, min_size=1, max_size=3))
def test_it_breaks_at_no_event(events: Any) -> None:
    assert answered(json.dumps({"events": events}).encode()) in (200, 207, 400)


@given(st.binary(), st.text())
def test_it_breaks_at_no_bytes(body: bytes, coding: str) -> None:
    answered(body, **{"content-encoding": coding})
    answered(gzip.compress(body), **{"content-encoding": "gzip"})
    answered(gzip.compress(body)[:-1], **{"content-encoding": "gzip"})


@given(HEADERS, st.text())
def test_it_breaks_at_no_header(name: str, text: str) -> None:
    answered(json.dumps({"events": [good_event()]}).encode(), **{name: text})


def test_a_long_nonce_and_a_bomb_cost_nothing() -> None:
    body = json.dumps({"events": [good_event()]}).encode()
    assert answered(body, **{"x-nonce": "0" * 1_000_000}) == 401
    assert answered(gzip.compress(bytes(50_000_000)), **{"content-encoding": "gzip"}) == 413

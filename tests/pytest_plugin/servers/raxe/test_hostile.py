"""Whatever a client sends, the fake answers, and does not break."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pytest_telemetry import RaxeServer, Request
from pytest_telemetry.servers.raxe.events import NEEDED

from tests.pytest_plugin.servers.raxe.conftest import enveloped, heartbeat

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["prompt", "data", "_mssp_data", "version", "n"]), VALUES
)
EVENTS = st.fixed_dictionaries(
    {"event_id": st.sampled_from(["evt_1", "evt_2", "evt"]) | VALUES},
    optional={
        "event_type": st.sampled_from(list(NEEDED)) | VALUES,
        "payload": PAYLOADS | VALUES,
        "priority": st.just("critical") | VALUES,
        "timestamp": st.just("2026-01-01T00:00:00Z") | VALUES,
        "org_id": VALUES,
    },
)
MEMBERS = st.sampled_from([*enveloped(), "compression"])
PATHS = st.sampled_from(
    ["/v1/telemetry", "/v1/telemetry/dry-run", "/api/cli/session", "/api/cli/link", "/v1/health"]
)


def answered(path: str, body: bytes, **headers: str) -> int:
    server = RaxeServer()
    server.reject(lambda event: "never" in event)
    key = {"authorization": f"Bearer {server.keys['ok']}"}
    answer = server.respond(Request("POST", path, key | headers, body), lambda: False)
    assert server._broken == []
    assert answer.status < 500
    assert answer.headers["content-type"] == "application/json"
    return answer.status


@given(PATHS, VALUES)
def test_it_breaks_at_no_value(path: str, body: Any) -> None:
    answered(path, json.dumps(body).encode())


@given(PATHS, st.lists(EVENTS | VALUES, max_size=3), st.dictionaries(MEMBERS, VALUES, max_size=1))
def test_it_breaks_at_no_event(path: str, events: Any, other: Any) -> None:
    answered(path, json.dumps({**enveloped(*events), **other}).encode())


@given(PATHS, st.binary(), st.text())
def test_it_breaks_at_no_bytes(path: str, body: bytes, coding: str) -> None:
    answered(path, body, **{"content-encoding": coding})
    answered(path, gzip.compress(body)[:-1], **{"content-encoding": "gzip"})
    answered(path, body, authorization=coding)


def test_it_reads_as_deep_as_json_goes() -> None:
    deep = json.dumps(enveloped(heartbeat(1, nested="$"))).replace('"$"', "[" * 500 + "]" * 500)
    assert answered("/v1/telemetry", deep.encode()) == 200

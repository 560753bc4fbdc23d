"""Whatever a client sends, the fake answers as PostHog does, and does not break."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pytest_telemetry import PostHogServer, Request
from pytest_telemetry.servers.posthog import v0, v1

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["phc_key", "2026-01-01T00:00:00Z", "0" * 32, "9" * 5000, "raw", "python"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.sampled_from(["e", "d", "0" * 32, "2026-01-01T00:00:00Z", "phc_key"])


def objects(names: str, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(names.split()), inner, max_size=6)


FRAMES = objects("platform filename function lineno in_app pre_context abs_path", VALUES | TEXTS)
STACKS = objects("type frames", VALUES | st.just("raw") | st.lists(FRAMES, max_size=2))
ITEMS = objects("type value mechanism module", VALUES | TEXTS) | st.fixed_dictionaries(
    {"type": TEXTS}, optional={"stacktrace": STACKS}
)
PROPERTIES = st.fixed_dictionaries(
    {}, optional={"$exception_list": st.lists(ITEMS, max_size=2) | VALUES, "token": VALUES}
)
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["e", "$exception"]), "distinct_id": TEXTS},
    optional={
        "uuid": TEXTS | VALUES,
        "timestamp": TEXTS | VALUES,
        "properties": PROPERTIES | VALUES,
        "options": objects("process_person_profile product_tour_id", VALUES),
        "$set": VALUES,
    },
)
BATCHES = st.fixed_dictionaries(
    {"batch": st.lists(EVENTS, max_size=3) | VALUES},
    optional={"api_key": TEXTS | VALUES, "created_at": TEXTS, "sent_at": VALUES},
)
BODIES = VALUES | EVENTS | BATCHES | st.lists(EVENTS | VALUES, max_size=3)
HEADERS = {
    "authorization": "Bearer phc_key",
    "content-type": "application/json",
    "user-agent": "ours/1",
    "posthog-sdk-info": "ours/1",
    "posthog-attempt": "1",
    "posthog-request-id": "0" * 32,
    "posthog-request-timestamp": "2026-01-01T00:00:00Z",
}
PATHS = st.sampled_from([*v0.PATHS, v1.PATH])


def answered(path: str, headers: dict[str, str], body: bytes) -> PostHogServer:
    server = PostHogServer()
    server.reject(lambda event: "never" in event)
    answer = server.respond(Request("POST", path, headers, body), lambda: False)
    assert server._broken == []
    assert answer.status < 500
    return server


@given(PATHS, BODIES)
def test_it_breaks_at_no_value(path: str, body: Any) -> None:
    server = answered(path, HEADERS, json.dumps(body).encode())
    assert all(isinstance(issue.type, str) for issue in server.issues)


@given(
    PATHS, st.binary(), st.dictionaries(st.sampled_from([*HEADERS, "content-encoding"]), st.text())
)
def test_it_breaks_at_no_bytes(path: str, body: bytes, headers: dict[str, str]) -> None:
    answered(path, headers, body)
    answered(path, HEADERS | headers, body)
    answered(path, HEADERS | {"content-encoding": "gzip"}, gzip.compress(body)[:-1])
    answered(path, HEADERS | {"content-encoding": "deflate"}, body)

"""PostHog's own SDK works against the fake, and sends what is recorded of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from posthog import Posthog
from pytest_telemetry import PostHogServer

from tests.posthog_calls import CALLS
from tests.posthog_sdk import MODES, RECORDED, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Build = Callable[..., Posthog]


@pytest.fixture
def server() -> Iterator[PostHogServer]:
    server = PostHogServer()
    with server.serving():
        yield server


@pytest.fixture
def build(server: PostHogServer) -> Iterator[Build]:
    """Return what builds a client of the SDK, which fails the test when it loses something."""
    lost: list[object] = []
    clients: list[Posthog] = []

    def build(**options: Any) -> Posthog:
        on_error = lambda error, batch: lost.append(error)  # noqa: E731
        clients.append(Posthog("phc_key", host=server.url, on_error=on_error, **options))
        return clients[-1]

    yield build
    for client in clients:
        client.shutdown()
    assert lost == []


def test_it_sends_what_is_recorded() -> None:
    golden = json.loads(RECORDED.read_text("utf-8"))
    for name, part in recorded().items():
        assert part == golden[name], "record it anew: python -m tests.posthog_sdk"


@pytest.mark.parametrize("mode", MODES)
def test_every_call_arrives_in_every_mode(mode: str, build: Build, server: PostHogServer) -> None:
    client = build(**MODES[mode])
    for call in CALLS.values():
        call(client)
    client.flush()
    assert server.refusals == []
    assert len(server.events) == len(CALLS) + 1  # two for ids that are no texts
    assert len(server.batches) == 1
    assert server.batches[0].historical_migration is bool(
        MODES[mode].get("historical_migration", False)
    )


def test_each_of_its_exceptions_makes_an_issue(build: Build, server: PostHogServer) -> None:
    client = build()
    exceptions = [call for name, call in CALLS.items() if name.startswith("exception")]
    for call in exceptions:
        call(client)
    client.flush()
    assert [issue.type for issue in server.issues] == [
        "ValueError",
        "RuntimeError",
        "KeyError",
        "ExceptionGroup",
        "ValueError",
        "ValueError",
    ]
    assert all(issue.handled for issue in server.issues)


def test_who_asks_for_flags_has_none(build: Build, server: PostHogServer) -> None:
    flags = build().evaluate_flags("ada")
    assert not flags.is_enabled("new-checkout")
    assert server.requests[0].path == "/flags/"


def test_what_fails_for_a_while_arrives_once(build: Build, server: PostHogServer) -> None:
    modes: list[dict[str, Any]] = [{}, {"capture_mode": "v1"}, {"gzip": True}]
    clients = [build(flush_at=1, **mode) for mode in modes]  # each sends at once, and fails once
    faults = [server.fail(429, times=1), server.fail(503, times=1), server.lose_reply(times=1)]
    for client in clients:
        client.capture("signed_up", distinct_id="ada")
    for client in clients:
        client.flush()
    assert [fault.count for fault in faults] == [1, 1, 1]
    assert (len(server.events), server.duplicates) == (3, 1)


def test_what_is_refused_is_told_in_words(server: PostHogServer) -> None:
    errors: list[Exception] = []
    for mode in ("v0", "v1"):
        client = Posthog(
            "phx_key", host=server.url, capture_mode=mode, on_error=lambda e, _: errors.append(e)
        )
        client.capture("signed_up", distinct_id="ada")
        client.shutdown()
    assert [str(error) for error in errors] == [
        "[PostHog] API key is not valid: personal_api_key (401)",
        "[PostHog] The provided API token is not valid. (401)",
    ]

"""The SDK's calls send what the SDK sends, where the two should agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.posthog_calls import CALLS
from tests.posthog_sdk import RECORDED, events_of

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer
    from telemetry_posthog import TelemetryClient

RECORDED_EVENTS: dict[str, list[dict[str, Any]]] = json.loads(RECORDED.read_text("utf-8"))["events"]
DIFFERENT = {
    "$lib",
    "$lib_version",
    "$exception_message",  # the flat keys are of the guide alone
    "$exception_type",
    "$exception_stack_trace",
    "$exception_person",
    "datetime",  # the same moment, written otherwise
    "object",  # what it says of itself; null there
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_what_it_sends_there(
    name: str, client: TelemetryClient, server: PostHogServer
) -> None:
    CALLS[name](client)
    assert client.flush(20)
    (request,) = server.requests
    assert _comparable(events_of(request)) == _comparable(RECORDED_EVENTS[name])


def _comparable(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_without_differences(event) for event in events]


def _without_differences(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without what the two say otherwise, and are to."""
    own = {name: each for name, each in event["properties"].items() if name not in DIFFERENT}
    for item in own.get("$exception_list", ()):
        item["value"] = item["value"].removesuffix(" (2 sub-exceptions)")
        if "parent_id" in item["mechanism"]:
            item["mechanism"].pop("handled", None)
    person = event["distinct_id"]
    if event["event"] == "$groupidentify" and person != "ada":
        person = "of a group of nobody's"
    return {**event, "distinct_id": person, "properties": own}

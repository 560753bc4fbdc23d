"""The SDK's calls send what the SDK sends, where the two should agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.posthog_calls import CALLS
from tests.posthog_common import in_common
from tests.posthog_sdk import RECORDED

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer
    from telemetry_posthog import TelemetryClient

RECORDED_EVENTS: dict[str, list[dict[str, Any]]] = json.loads(RECORDED.read_text("utf-8"))["events"]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_what_it_sends_there(
    name: str, client: TelemetryClient, server: PostHogServer
) -> None:
    CALLS[name](client)
    assert client.flush(20)
    (request,) = server.requests
    assert in_common(request.json()["batch"]) == in_common(RECORDED_EVENTS[name])

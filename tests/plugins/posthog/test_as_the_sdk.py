"""What PostHog's own SDK says of a call, the sink says of it, too: `tests/golden/posthog/sdk.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define
from telemetry_posthog import PostHogSink, plain

from telemetry_core import TelemetryClient, TelemetryConfig
from tests.plugins.posthog.conftest import KEY, body_of
from tests.posthog_calls import CALLS

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer

GOLDEN = Path(__file__).parents[2] / "golden" / "posthog" / "sdk.json"
EVENTS = json.loads(GOLDEN.read_text("utf-8"))["events"]
ANYTHING = {"$any", "$time", "$uuid"}
OURS = {"$lib", "$lib_version"}
FLAT = {  # what dashboards of earlier times show, and the SDK sends no more
    f"$exception_{name}" for name in ("message", "type", "stack_trace", "person")
}
COMPARED = [
    "capture",
    "capture_with_all",
    "capture_without_id",
    "capture_for_an_id_that_is_no_text",
    "capture_values",
    "exception",
    "exception_with_cause",
    "exception_while_handling_another",
    "exception_twice",
]


@define
class AsTheSdk:
    """Takes calls as the SDK does, and tells the core."""

    client: TelemetryClient

    def capture(
        self,
        event: str,
        *,
        distinct_id: Any = None,
        properties: Any = None,
        timestamp: Any = None,
        uuid: str | None = None,
        groups: Any = None,
    ) -> None:
        said = {**(properties or {}), **({"$groups": groups} if groups else {})}
        self.client.capture(
            event,
            None if distinct_id is None else str(distinct_id),
            plain(said),
            timestamp=None if timestamp is None else timestamp.isoformat(),
            event_id=uuid,
        )

    def capture_exception(
        self, error: BaseException, *, distinct_id: str, properties: Any = None
    ) -> None:
        self.client.capture_exception(error, distinct_id, properties)


def difference(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Return where two values differ, what changes with each call and what is ours left out."""
    if isinstance(theirs, str) and theirs in ANYTHING:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = (ours.keys() | theirs.keys()) - OURS - FLAT
        pairs = {name: (ours.get(name, "-"), theirs.get(name, "-")) for name in names}
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = dict(enumerate(zip(ours, theirs, strict=True)))
    else:
        return [] if ours == theirs else [f"{where}: {ours!r} and not {theirs!r}"]
    return [line for name, two in pairs.items() for line in difference(*two, f"{where}.{name}")]


@pytest.mark.parametrize("call", COMPARED)
def test_a_call_is_the_same_event(call: str, server: PostHogServer, tmp_path: Path) -> None:
    sink = PostHogSink(api_key=KEY, host=server.url, state_dir=tmp_path)
    config = TelemetryConfig(active=(), base_dir=tmp_path, on_error="raise", test_mode="live")
    with TelemetryClient(config, plugins=[sink]) as client:
        CALLS[call](AsTheSdk(client))
        assert client.flush(30)
    sent = body_of(server)["batch"]
    expected = [_with_our_words(event) for event in EVENTS[call]]
    assert difference(sent, expected) == []


def _with_our_words(event: dict[str, Any]) -> dict[str, Any]:
    """Say of an object what it says of itself; the SDK silently says nothing."""
    if "object" in event["properties"]:
        event["properties"]["object"] = "$any"
    return event

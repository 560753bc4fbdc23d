"""What PostHog's SDK and a client of ours have in common: the same events, but for some words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.posthog_sdk import without_changes

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIFFERENT = {
    "$lib",
    "$lib_version",
    "$exception_message",  # the flat keys are of the guide alone
    "$exception_type",
    "$exception_stack_trace",
    "$exception_person",
    "object",  # what it says of itself; null there
}


def in_common(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events without what another run, or the other side, says otherwise and is to."""
    return [_without_differences(without_changes("", event)) for event in events]


def _without_differences(event: dict[str, Any]) -> dict[str, Any]:
    own = {name: each for name, each in event["properties"].items() if name not in _DIFFERENT}
    for item in own.get("$exception_list", ()):
        item["value"] = item["value"].removesuffix(" (2 sub-exceptions)")
    person = event["distinct_id"]
    if event["event"] == "$groupidentify" and person != "ada":
        person = "of a group of nobody's"
    return {**event, "distinct_id": person, "properties": own}

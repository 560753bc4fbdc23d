"""What a record becomes as an event of PostHog."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from attrs import evolve

from telemetry_core import installation_id

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import PostHogServer, Story

    from tests.plugins.posthog.conftest import Sent, Ship

SECOND = 1_000_000_000


def test_an_event_says_who_what_and_when(sent: Sent, story: Story) -> None:
    record = story.event("signed_up", distinct_id="user-7", payload={"plan": "pro"}, run_id=None)
    event = sent(record)
    assert [*event] == ["event", "distinct_id", "timestamp", "uuid", "properties"]
    assert (event["event"], event["distinct_id"]) == ("signed_up", "user-7")
    assert (event["uuid"], event["timestamp"]) == (record.id, record.body.to_dict()["timestamp"])
    assert event["properties"]["plan"] == "pro"
    assert "run_id" not in event["properties"]


def test_an_event_says_what_sent_it(sent: Sent, story: Story) -> None:
    said = sent(story.event())["properties"]
    assert said["$lib"] == "telemetry-posthog"
    assert said["$lib_version"]
    assert said["$python_version"] == platform.python_version()
    assert (said["$is_server"], said["$geoip_disable"]) == (True, True)
    assert {"$os", "$os_version", "$python_runtime"} <= said.keys()


def test_an_event_in_a_run_says_which(sent: Sent, story: Story) -> None:
    assert sent(story.event(run_id="run-1"))["properties"]["run_id"] == "run-1"
    own = story.event(run_id="run-1", payload={"run_id": "mine"})
    assert sent(own)["properties"]["run_id"] == "mine"


def test_the_context_is_told_unless_the_event_says_otherwise(sent: Sent, story: Story) -> None:
    said = sent(story.event(payload={"a": 1}, context={"a": 2, "b": 3}))["properties"]
    assert (said["a"], said["b"], said["$context_tags"]) == (1, 3, ["a", "b"])


@pytest.mark.parametrize("payload", [[1, 2], "text", 7, False])
def test_a_payload_that_is_no_mapping_is_a_property(
    sent: Sent, story: Story, payload: object
) -> None:
    assert sent(story.event(payload=payload))["properties"]["payload"] == payload


@pytest.mark.parametrize("nobody", [None, ""])
def test_who_is_not_named_is_the_installation(
    sent: Sent, story: Story, nobody: str | None, tmp_path: Path
) -> None:
    event = sent(story.event(distinct_id=nobody))
    assert event["distinct_id"] == installation_id(tmp_path)
    assert event["properties"]["$process_person_profile"] is False
    named = sent(story.event(distinct_id="user-7"))
    assert "$process_person_profile" not in named["properties"]


def test_super_properties_win_over_the_events_own(sent: Sent, story: Story) -> None:
    record = story.event(payload={"app": "mine", "page": 1})
    said = sent(record, super_properties={"app": "crawler"}, geoip_disable=False)["properties"]
    assert (said["app"], said["page"]) == ("crawler", 1)
    assert "$geoip_disable" not in said


def test_an_events_own_groups_win(sent: Sent, story: Story) -> None:
    groups = {"company": "acme", "project": "one"}
    assert sent(story.event(), groups=groups)["properties"]["$groups"] == groups
    own = story.event(payload={"$groups": {"project": "two"}})
    said = sent(own, groups=groups)["properties"]["$groups"]
    assert said == {"company": "acme", "project": "two"}


def test_a_release_is_named_where_the_event_names_none(sent: Sent, story: Story) -> None:
    assert sent(story.event(), release="r-1")["properties"]["$release_id"] == "r-1"
    own = story.event(payload={"$release_id": "mine"})
    assert sent(own, release="r-1")["properties"]["$release_id"] == "mine"


@pytest.mark.parametrize("name", ["$set", "$set_once"])
def test_what_sets_a_person_stands_beside_the_properties(
    sent: Sent, story: Story, name: str
) -> None:
    event = sent(story.event(name, payload={name: {"plan": "pro"}}))
    assert event[name] == {"plan": "pro"}
    assert name not in event["properties"]
    assert "$os" not in event["properties"]
    other = sent(story.event("bought", payload={name: {"plan": "pro"}}))
    assert other["properties"][name] == {"plan": "pro"}
    assert name not in other


def test_an_id_that_is_no_uuid_becomes_the_same_one_each_time(sent: Sent, story: Story) -> None:
    record = story.event()
    record.body = evolve(record.body, event_id="order-7")
    first, second = (sent(record)["uuid"] for _ in range(2))
    assert first == second
    assert UUID(first)


def test_a_run_is_two_events_with_its_fields(sent: Sent, story: Story) -> None:
    start, end = story.run(run_id="r-1", items_succeeded=7)
    started, ended = sent(start), sent(end)
    assert [one["event"] for one in (started, ended)] == ["run_started", "run_ended"]
    assert started["timestamp"] == start.body.to_dict()["start_time"]
    assert ended["timestamp"] == end.body.to_dict()["end_time"]
    said = ended["properties"]
    assert (said["run_id"], said["status"], said["duration_ms"]) == ("r-1", "success", 1000)
    assert (said["items_succeeded"], said["metrics_json"]) == (7, {"pages": 3})
    assert not {"revision", "api_posted", "input_summary"} & said.keys()


def test_a_run_is_known_again_whoever_tells_of_it(
    ship: Ship, story: Story, server: PostHogServer
) -> None:
    start, end = story.run()
    ship(start, end)
    ship(evolve(start, id="another"), evolve(end, id="one more"))
    assert (len(server.events), server.duplicates) == (2, 2)


def test_a_run_that_cannot_say_when_happened_when_it_was_told(sent: Sent, story: Story) -> None:
    start, _ = story.run(start_time="yesterday")
    assert sent(start)["timestamp"].startswith("2026-01-01T12:00:")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), None),
        (float("inf"), None),
        ("half \ud800", "half \\ud800"),
        ({1: "int key"}, {"1": "int key"}),
        (object, "<class 'object'>"),
    ],
)
def test_hostile_values_cost_no_event(sent: Sent, story: Story, value: Any, kept: Any) -> None:
    assert sent(story.event(payload={"value": value}))["properties"]["value"] == kept


@pytest.mark.parametrize("time_ns", [0, -(10**18), 4_000_000_000 * SECOND, 10**21])
def test_a_clock_years_off_costs_no_event(sent: Sent, story: Story, time_ns: int) -> None:
    assert sent(story.event(time_ns=time_ns))["timestamp"]

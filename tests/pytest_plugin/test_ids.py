"""Ids of tests can be written down beforehand."""

from __future__ import annotations

import uuid

from pytest_telemetry.clock import NOON
from pytest_telemetry.ids import CountingIds


def test_events_and_runs_count_from_one_each() -> None:
    ids = CountingIds()
    assert [ids.event_id(NOON), ids.event_id(0)] == [
        "00000000-0000-7000-8000-000000000001",
        "00000000-0000-7000-8000-000000000002",
    ]
    assert ids.run_id("crawler", NOON) == "20260101T120000Z-crawler-00000001"
    assert ids.run_id("a/b", NOON) == "20260101T120000Z-a-b-00000002"


def test_an_event_id_is_a_uuid_of_version_7() -> None:
    assert uuid.UUID(CountingIds().event_id(NOON)).version == 7


def test_a_forked_child_gives_out_ids_of_its_own() -> None:
    parent, child = CountingIds(), CountingIds()
    child.reseed()
    assert parent.event_id(NOON) != child.event_id(NOON)
    assert parent.run_id("crawler", NOON) != child.run_id("crawler", NOON)

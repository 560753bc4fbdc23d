from __future__ import annotations

import copy
import re
import threading
from uuid import RFC_4122, UUID

import pytest

from telemetry_core.ids import RandomIds, derived_id, format_run_id, random_id
from tests.forked import ended, forked

NOON = 1_767_268_800 * 10**9
MS = 10**6


def test_an_event_id_is_a_uuid_of_version_7_with_its_time() -> None:
    made = UUID(RandomIds().event_id(NOON))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == NOON // MS


def test_ids_of_one_millisecond_differ_and_sort_as_made() -> None:
    source = RandomIds()
    ids = [source.event_id(NOON) for _ in range(50_000)]
    assert len(set(ids)) == 50_000
    assert sorted(ids) == ids


def test_ids_sort_by_time() -> None:
    source = RandomIds()
    ids = [source.event_id(NOON + number * MS) for number in range(1000)]
    assert sorted(ids) == ids


def test_a_clock_that_goes_back_takes_no_id_back() -> None:
    source = RandomIds()
    first, second = source.event_id(NOON), source.event_id(NOON - 10**15)
    assert first < second


@pytest.mark.parametrize("time_ns", [0, -(10**18), 2**63, 10**30])
def test_an_odd_clock_still_makes_ids(time_ns: int) -> None:
    assert str(UUID(RandomIds().event_id(time_ns)))


def test_a_forked_child_draws_other_ids() -> None:
    source = RandomIds()
    before = source.event_id(NOON)
    source.reseed()
    assert before[-12:] != source.event_id(NOON)[-12:]


def test_a_forked_child_makes_other_run_ids() -> None:
    source = RandomIds()
    source.run_id("agent", NOON)
    child = copy.copy(source)
    child.reseed()
    ours, theirs = ({s.run_id("agent", NOON) for _ in range(200)} for s in (source, child))
    assert len(ours | theirs) == 400


def test_a_forked_child_that_nobody_tells_makes_other_run_ids() -> None:
    source = RandomIds()
    source.run_id("agent", NOON)
    drawn = set(source._suffixes)

    def make() -> None:
        assert source.run_id("agent", NOON)[-8:] not in drawn

    assert ended(forked(make)) == 0


def test_threads_never_share_an_id() -> None:
    source, made = RandomIds(), []

    def make() -> None:
        made.extend([source.event_id(NOON + number * MS) for number in range(5_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000


def test_a_run_id_tells_time_and_agent() -> None:
    assert re.fullmatch(
        r"20260101T120000Z-crawler-[0-9a-f]{8}", RandomIds().run_id("crawler", NOON)
    )


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        ("", "agent"),
        ("two words", "two-words"),
        ("../../etc/passwd", "..-..-etc-passwd"),
        ("a\x00b\nc\x1bd", "a-b-c-d"),
        ("half\ud800", "half-"),
        ("ünï", "ünï"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_an_agent_is_cut_to_what_a_path_and_a_line_can_hold(agent: str, kept: str) -> None:
    assert format_run_id(agent, NOON, "01234567") == f"20260101T120000Z-{kept}-01234567"


@pytest.mark.parametrize("time_ns", [10**30, -(10**30)])
def test_a_clock_beyond_the_calendar_still_makes_a_run_id(time_ns: int) -> None:
    assert format_run_id("a", time_ns, "01234567") == "19700101T000000Z-a-01234567"


def test_a_derived_id_is_the_same_everywhere_and_one_for_each_purpose() -> None:
    assert derived_id("r-1", "inferred_end") == derived_id("r-1", "inferred_end")
    assert len({derived_id(run, why) for run in ("r-1", "r-2") for why in ("a", "b")}) == 4
    assert UUID(derived_id("half\ud800", "a")).version == 5


def test_random_ids_differ() -> None:
    assert random_id() != random_id()

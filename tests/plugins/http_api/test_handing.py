"""Commands hand records over to the end, and say what came of it when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_http_api import APIError, APIUnavailableError
from telemetry_http_api.handing import Handed, hand_over

from tests.plugins.http_api.conftest import TOKEN

if TYPE_CHECKING:
    from pytest_telemetry import FakeClock, RunsServer, Story
    from telemetry_http_api import HttpApiSink

    from telemetry_core import Record


@pytest.fixture
def records(story: Story) -> list[Record]:
    return [story.event(f"n{n}") for n in range(8)]


def hand(sink: HttpApiSink, records: list[Record]) -> Handed:
    return hand_over(sink, records, sleep=sink.clock.sleep)


def test_all_of_it_arrives_although_the_service_stumbles(
    sink: HttpApiSink, server: RunsServer, records: list[Record]
) -> None:
    server.fail(503, times=2)
    assert len(hand(sink, records).delivered) == 8


def test_what_is_too_much_at_once_goes_in_halves(
    sink: HttpApiSink, server: RunsServer, records: list[Record]
) -> None:
    server.max_batch = 3
    assert len(hand(sink, records).delivered) == len(server.events) == 8


def test_one_that_is_refused_for_itself_is_found(
    sink: HttpApiSink, server: RunsServer, records: list[Record]
) -> None:
    bad = records[5].id
    server.reject(lambda line: line["id"] == bad, 422)
    handed = hand(sink, records)
    assert ([*handed.rejected], len(handed.delivered)) == ([bad], 7)


def test_a_service_that_stays_away_is_given_up(
    sink: HttpApiSink, server: RunsServer, records: list[Record], clock: FakeClock
) -> None:
    server.fail(503)
    with pytest.raises(APIUnavailableError, match="takes nothing now"):
        hand(sink, records)
    assert clock.monotonic() < 1_100


def test_a_long_wait_is_not_waited_for(
    sink: HttpApiSink, server: RunsServer, records: list[Record], clock: FakeClock
) -> None:
    server.rate_limit(0, retry_after=3000)
    with pytest.raises(APIUnavailableError):
        hand(sink, records)
    assert clock.monotonic() == 1_000


def test_a_wrong_token_ends_it_at_once(
    sink: HttpApiSink, server: RunsServer, records: list[Record]
) -> None:
    server.tokens.add(TOKEN)
    with pytest.raises(APIError, match="check the key or token"):
        hand(sink, records)
    assert len(server.requests) == 1

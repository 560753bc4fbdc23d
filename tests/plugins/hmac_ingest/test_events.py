"""What a record becomes, as a server with the real checks takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from attrs import evolve
from pytest_telemetry import IngestServer
from telemetry_hmac_ingest import HmacIngestSink

from telemetry_core import Batch, Record, derived_id, reset_installation_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_telemetry import Story

USER = re.compile(r"client_[0-9a-f]{64}")
SESSION = re.compile(r"sess_[0-9a-f]{32}")


class Sent(Protocol):
    def __call__(self, *records: Record, **settings: Any) -> list[dict[str, Any]]: ...


@pytest.fixture
def fake() -> Iterator[IngestServer]:
    server = IngestServer()
    with server.serving():
        yield server


@pytest.fixture
def sent(fake: IngestServer, tmp_path: Path) -> Sent:
    """Return what sends records by a sink of their own and returns what the server kept of them."""

    def send(*records: Record, **settings: Any) -> list[dict[str, Any]]:
        by = fake.development
        ours = {"service": "crawler", "state_dir": tmp_path, "token": by.token}
        sink = HmacIngestSink(
            endpoint=fake.url,
            org_id=by.org,
            app_id=by.app,
            secret=by.secret,
            **{**ours, **settings},
        )
        before = len(fake.events)
        receipt = sink.ship_batch(Batch(records, attempt=3))
        sink.close()
        assert receipt.delivered == {record.id for record in records}, fake.refusals
        return fake.events[before:]

    return send


def test_an_event_says_all_that_servers_want(sent: Sent, story: Story) -> None:
    (event,) = sent(record := story.event(), service_version="2.1")
    assert event["event_id"] == record.id
    assert event["schema_version"] == "1.0.0"
    assert (
        event["service"].items()
        >= {"name": "crawler", "version": "2.1", "language": "python"}.items()
    )
    assert event["environment"].keys() >= {"os", "os_version", "arch", "ci"}
    assert event["event"] == {
        "type": "page.fetched",
        "data": {"source": "contract", "run_id": "run-1", "page": 1, "depth": {"of": [1, 2]}},
    }


def test_an_event_says_how_it_was_sent(sent: Sent, story: Story) -> None:
    first, _ = sent(story.event(), story.event())
    assert first["metadata"]["sdk_version"].startswith("telemetry-hmac-ingest/")
    assert (first["metadata"]["batch_size"], first["metadata"]["retry_count"]) == (2, 2)


def test_a_version_that_nobody_knows_is_zero(sent: Sent, story: Story) -> None:
    (event,) = sent(story.event(), service="no-such-distribution")
    assert event["service"]["version"] == "0.0.0"


def test_long_names_are_cut_to_what_servers_keep(sent: Sent, story: Story) -> None:
    (event,) = sent(story.event(), service="s" * 300, service_version="9" * 300)
    assert (len(event["service"]["name"]), len(event["service"]["version"])) == (255, 100)


def test_of_the_machine_only_its_system_is_told_where_that_is_wanted(
    sent: Sent, story: Story
) -> None:
    (event,) = sent(story.event(), environment=False)
    assert event["environment"].keys() == {"os"}


def test_a_run_is_two_events_whose_ids_are_the_same_whoever_sends_them(
    sent: Sent, story: Story, fake: IngestServer
) -> None:
    start, end = story.run()
    started, ended = sent(start, end)
    assert (started["event"]["type"], ended["event"]["type"]) == ("run_started", "run_ended")
    assert started["event"]["category"] == "run"
    assert started["timestamp"] == start.body.to_dict()["start_time"]
    assert ended["timestamp"] == end.body.to_dict()["end_time"]
    assert ended["event"]["data"]["status"] == "success"
    assert "revision" not in ended["event"]["data"]
    assert sent(evolve(start, id="another"), evolve(end, id="other")) == []
    assert fake.duplicates == 2


@pytest.mark.parametrize("moment", ["yesterday", None])
def test_a_run_whose_time_cannot_be_read_has_that_of_its_record(
    sent: Sent, story: Story, moment: str | None
) -> None:
    start, _ = story.run(start_time=moment)
    (event,) = sent(start)
    assert event["timestamp"].startswith("2026-01-01T12:00:0")


def test_an_id_that_is_no_uuid_is_derived_from(sent: Sent, story: Story) -> None:
    record = story.event()
    record.body.event_id = "order 7"
    (event,) = sent(record)
    assert event["event_id"] == derived_id("order 7", "hmac_ingest event")


# -- who


def test_a_person_is_another_one_in_each_service(sent: Sent, story: Story) -> None:
    persons = [
        sent(story.event(distinct_id=person), service=service)[0]["user_id"]
        for person in ("ada", "bob", None)
        for service in ("crawler", "shop")
    ]
    assert len(set(persons)) == 6
    assert all(USER.fullmatch(person) for person in persons)


def test_a_person_stays_the_same(sent: Sent, story: Story) -> None:
    first, second = sent(story.event(distinct_id="ada"), story.event(distinct_id="ada"))
    (later,) = sent(story.event(distinct_id="ada"))
    assert first["user_id"] == second["user_id"] == later["user_id"]


def test_the_installation_is_one_person_until_it_is_reset(
    sent: Sent, story: Story, tmp_path: Path
) -> None:
    before = [sent(story.event(distinct_id=None))[0]["user_id"] for _ in range(2)]
    installation = reset_installation_id(tmp_path)
    (event,) = sent(story.event(distinct_id=None))
    assert before[0] == before[1] != event["user_id"]
    assert installation not in str(event)


@pytest.mark.parametrize(
    ("person", "kept"),
    [
        ("client_7", True),
        ("client_", False),
        ("client_ada@x.org", False),
        (f"client_{'7' * 300}", False),
    ],
)
def test_an_id_of_the_protocol_is_kept(sent: Sent, story: Story, person: str, kept: bool) -> None:
    (event,) = sent(story.event(distinct_id=person))
    assert (event["user_id"] == person) is kept
    assert event["user_id"].startswith("client_")


def test_a_session_is_that_of_the_process_that_recorded(sent: Sent, story: Story) -> None:
    def recorded(id: str) -> str:
        record = story.event()
        record.body.event_id = record.id = id
        session = sent(record)[0]["session_id"]
        assert SESSION.fullmatch(session)
        return str(session)

    here = recorded("019ad0c0-0000-7000-8000-0a0a0a0a0a0a")
    assert recorded("019ad0c0-0001-7000-8001-0a0a0a0a0a0a") == here
    assert recorded("019ad0c0-0001-7000-8001-0b0b0b0b0b0b") != here


def test_what_has_an_id_of_its_own_is_of_the_sending_process(sent: Sent, story: Story) -> None:
    first, second = sent(story.event(), story.event())
    assert first["session_id"] == second["session_id"]
    assert SESSION.fullmatch(first["session_id"])


# -- what is hard to keep


def nest(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


def test_nothing_is_nested_more_deeply_than_servers_read(sent: Sent, story: Story) -> None:
    (event,) = sent(story.event(payload=nest(190)))
    assert "[nested too deeply]" in str(event["event"]["data"])
    (event,) = sent(story.event(payload=nest(60)))
    assert "bottom" in str(event["event"]["data"])


def test_what_no_database_keeps_is_replaced_and_nothing_else(sent: Sent, story: Story) -> None:
    payload = {"a\0b": ["x\0", {"deep": "\0"}], "escaped": "\\u0000", "number": 1.5}
    (event,) = sent(story.event(payload=payload, run_id=None, context=None))
    assert event["event"]["data"] == {
        "a\ufffdb": ["x\ufffd", {"deep": "\ufffd"}],
        "escaped": "\\u0000",
        "number": 1.5,
    }


@pytest.mark.parametrize("payload", ["text", 7, [1, 2], True])
def test_a_payload_of_another_kind_stands_below_its_name(
    sent: Sent, story: Story, payload: Any
) -> None:
    (event,) = sent(story.event(payload=payload, run_id=None, context=None))
    assert event["event"]["data"] == {"payload": payload}


def test_whatever_is_hard_to_store_is_taken_or_refused_here(
    fake: IngestServer, sent: Sent, story: Story, tmp_path: Path
) -> None:
    by = fake.development
    sink = HmacIngestSink(
        endpoint=fake.url, org_id=by.org, app_id=by.app, secret=by.secret, state_dir=tmp_path
    )
    records = [*story.hostile()]
    receipt = sink.ship_batch(Batch(tuple(records)))
    sink.close()
    assert receipt.delivered | receipt.rejected.keys() == {record.id for record in records}
    assert {why.code for why in receipt.rejected.values()} == {"invalid_name"}
    assert fake.refusals == []

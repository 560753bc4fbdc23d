"""A batch is one request, and what comes back is settled record by record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe import CredentialStore
from telemetry_raxe.event_types import EVENT_TYPES

from telemetry_core import (
    Batch,
    ConfigError,
    Lane,
    Receipt,
    Record,
    RunEvent,
    TelemetryClient,
    load_config,
)
from tests.plugins.raxe.keys_for_tests import TEMP
from tests.plugins.raxe.shipper.conftest import SCAN, body_of, credentials_of
from tests.plugins.raxe.sink.conftest import shipping

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer
    from tests.plugins.raxe.sink.conftest import Scans, Ship, Sinks

MIDNIGHT_NS = 1_767_312_000 * 10**9


def test_a_batch_arrives_in_one_request(ship: Ship, story: Scans, server: AnyAnswer) -> None:
    records = story.scans(3)
    assert ship(*records) == Receipt.of(record.id for record in records)
    assert server.posts == 1
    names = {event["event_id"] for event in server.events}
    assert names == {f"evt_{record.id.replace('-', '')}" for record in records}


def test_an_event_is_as_raxe_has_it(ship: Ship, story: Scans, server: AnyAnswer) -> None:
    record = story.event("scan", payload={**SCAN, "severity": "high"}, context={"org_id": "o-7"})
    ship(record)
    assert isinstance(record.body, RunEvent)
    assert body_of(server)["events"] == [
        {
            "event_id": f"evt_{record.id.replace('-', '')}",
            "event_type": "scan",
            "priority": "critical",
            "payload": {**SCAN, "severity": "high"},
            "timestamp": record.body.timestamp,
            "retry_count": 0,
            "org_id": "o-7",
        }
    ]


def test_runs_are_nothing_to_raxe(ship: Ship, story: Scans, server: AnyAnswer) -> None:
    start, end = story.run()
    assert ship(start, end).delivered == {start.id, end.id}
    assert server.requests == []


def test_only_what_raxe_knows_is_asked_for(sink_for: Sinks) -> None:
    assert sink_for().only == EVENT_TYPES
    assert len(EVENT_TYPES) == len(set(EVENT_TYPES)) == 13


def test_a_request_has_a_hundred_events_at_most(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    assert len(ship(*story.scans(250)).delivered) == 250
    assert [len(batch.events) for batch in server.batches] == [100, 100, 50]


def test_no_records_are_no_request(ship: Ship, server: AnyAnswer) -> None:
    assert ship() == Receipt()
    assert server.requests == []


def test_what_is_rejected_is_told_with_its_code(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    for server.partial in (207, 202):
        good, bad = story.scan(), story.event("scan", payload={})
        receipt = ship(good, bad)
        assert receipt.delivered == {good.id}
        why = receipt.rejected[bad.id]
        assert (why.code, why.certain) == ("EVT_001", True)
        assert "prompt_hash is missing" in why.reason


@pytest.mark.parametrize("code", ["PRI_001", "PRI_002"])
def test_the_one_with_something_private_is_the_only_one_to_end(
    ship: Ship, story: Scans, server: AnyAnswer, code: str
) -> None:
    private = {"PRI_001": {"who": "ada@example.org"}, "PRI_002": {"prompt": "hunter2"}}[code]
    records = [story.scan(), story.scan(**private), story.scan()]
    receipt = ship(*records)
    assert (receipt.delivered, [*receipt.rejected]) == (frozenset(), [records[1].id])
    assert receipt.rejected[records[1].id].code == code
    assert ship(records[0], records[2]).delivered == {records[0].id, records[2].id}


def test_the_one_with_something_private_is_looked_for_where_nobody_names_it(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    server.names_offender = False
    offender = story.scan(prompt="hunter2")
    assert ship(story.scan(), offender).refused_whole
    assert ship(offender).rejected[offender.id].certain


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("events[1].payload.prompt", 1),
        ("events.1.payload", 1),
        ("event[0]", 0),
        ("$.events[1]", 1),
        ("events[9].payload", None),
        ("events[].payload", None),
        ("payload.prompt", None),
        ("events[99999999999999999999]", None),
        (None, None),
        (7, None),
    ],
)
def test_an_offender_is_named_by_its_place(
    ship: Ship, story: Scans, server: AnyAnswer, field: object, place: int | None
) -> None:
    records = story.scans(2)
    server.say({"code": "PRI_001", "details": {"field": field}}, 422)
    receipt = ship(*records)
    if place is None:
        assert (receipt.refused_whole, receipt.code) == (True, "PRI_001")
    else:
        assert [*receipt.rejected] == [records[place].id]


@pytest.mark.parametrize(("status", "code"), [(400, "VAL_001"), (413, "batch_too_large")])
def test_what_is_refused_is_looked_for_in_halves(
    ship: Ship, story: Scans, server: AnyAnswer, status: int, code: str
) -> None:
    server.fail(status).concerns = lambda exchange: exchange.request.method == "POST"  # type: ignore[method-assign]
    refused = ship(*story.scans(2))
    assert (refused.refused_whole, refused.code) == (True, code)
    alone = story.scan()
    assert ship(alone).rejected[alone.id].code == code


def test_a_schema_that_is_too_old_is_the_fault_of_no_record(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    server.say({"error": "schema_version_unsupported", "message": "use 1.0.0"}, 400)
    receipt = ship(story.scan())
    assert (receipt.rejected, receipt.code) == ({}, "schema_version_unsupported")
    assert receipt.pause_until is not None


def test_a_day_that_is_used_up_is_over_at_midnight(sink_for: Sinks, story: Scans) -> None:
    receipt = shipping(sink_for("daily"))(story.scan())
    assert (receipt.code, receipt.pause_until) == ("DAILY_LIMIT_001", MIDNIGHT_NS)


@pytest.mark.parametrize("ahead", [3 * 3600, -3 * 3600])
def test_midnight_is_that_of_the_service(
    sink_for: Sinks, story: Scans, server: AnyAnswer, ahead: int
) -> None:
    server.time.ahead = ahead
    receipt = shipping(sink_for("daily"))(story.scan())
    assert receipt.pause_until == MIDNIGHT_NS - ahead * 10**9


def test_a_moment_that_is_past_is_no_reason_to_hurry(
    ship: Ship, story: Scans, server: AnyAnswer, clock: FakeClock
) -> None:
    now = clock.time_ns() // 10**9
    server.say({"code": "DAILY_LIMIT_001", "reset_at": now - 5}, 403)
    assert ship(story.scan()).pause_until == (now + 60) * 10**9


def test_a_busy_service_says_when_to_come_again(sink_for: Sinks, story: Scans) -> None:
    receipt = shipping(sink_for("rate"))(story.scan())
    assert (receipt.code, receipt.retry_after) == ("RATE_001", 60)
    assert receipt.pause_until is None


def test_a_minute_that_is_used_up_here_waits_without_a_request(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    ship = shipping(sink_for())
    for _ in range(100):
        assert ship(story.scan()).delivered or server.posts >= 99
    posts = server.posts
    receipt = ship(story.scan())
    assert (receipt.code, receipt.delivered, receipt.rejected) == ("RATE_001", frozenset(), {})
    assert (server.posts, (receipt.retry_after or 0) > 0) == (posts, True)


@pytest.mark.parametrize(
    ("situation", "code"),
    [("unknown", "AUTH_001"), ("expired", "AUTH_002"), ("telreq", "AUTH_006")],
)
def test_a_key_that_is_not_accepted_pauses_the_sink(
    sink_for: Sinks, story: Scans, server: AnyAnswer, situation: str, code: str
) -> None:
    receipt = shipping(sink_for(situation))(story.scan())
    assert (receipt.code, receipt.pause_until is not None) == (code, True)
    assert server.keys[situation] not in str(receipt)


@pytest.mark.parametrize("status", [301, 302, 307, 404])
def test_an_address_that_is_wrong_pauses_the_sink(
    ship: Ship, story: Scans, server: AnyAnswer, status: int
) -> None:
    server.say({}, status, location="https://elsewhere.example/")
    assert ship(story.scan()).pause_until is not None
    assert server.posts == 1


@pytest.mark.parametrize("situation", ["err", "flaky"])
def test_a_service_in_trouble_is_waited_for(
    sink_for: Sinks, story: Scans, server: AnyAnswer, situation: str
) -> None:
    receipt = shipping(sink_for(situation))(story.scan())
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)
    assert server.posts == 1


def test_nobody_there_is_waited_for(ship: Ship, story: Scans, server: AnyAnswer) -> None:
    server.down()
    receipt = ship(story.scan())
    assert (receipt.code, receipt.delivered, receipt.pause_until) == ("network", frozenset(), None)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", {"accepted": "1"}, b" " * 2_000_000]
)
def test_what_no_raxe_would_answer_settles_nothing(
    ship: Ship, story: Scans, server: AnyAnswer, body: Any
) -> None:
    server.say(body)
    receipt = ship(*story.scans(2))
    assert (receipt.delivered, receipt.rejected, receipt.pause_until) == (frozenset(), {}, None)
    assert not receipt.refused_whole


@pytest.mark.parametrize(
    ("said", "delivered"),
    [
        ({"accepted": 3, "rejected": 0}, 3),
        ({"accepted": 1, "rejected": 0, "duplicates": 2}, 3),
        ({"accepted": 3, "rejected": 0, "duplicates": 2}, 3),
        ({"accepted": 2, "rejected": 0}, 0),
        ({"accepted": 0, "rejected": 0}, 0),
        ({"accepted": 4, "rejected": 0}, 0),
    ],
)
def test_numbers_that_do_not_add_up_settle_nothing(
    ship: Ship, story: Scans, server: AnyAnswer, said: dict[str, int], delivered: int
) -> None:
    server.say(said)
    receipt = ship(*story.scans(3))
    assert (len(receipt.delivered), receipt.rejected) == (delivered, {})


def test_who_is_rejected_without_a_name_is_looked_for(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    server.say({"accepted": 1, "rejected": 1}, 207)
    assert ship(*story.scans(2)).refused_whole
    server.say({"accepted": 0, "rejected": 1, "errors": [{"event_id": "evt_other"}]}, 207)
    alone = story.scan()
    assert [*ship(alone).rejected] == [alone.id]


def test_an_event_that_is_too_large_is_never_sent(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    fits, large = story.scan(), story.scan(rule="x" * 2_000_000)
    receipt = ship(large, fits)
    assert receipt.delivered == {fits.id}
    assert (receipt.rejected[large.id].code, receipt.rejected[large.id].certain) == (
        "event_too_large",
        True,
    )
    assert server.posts == 1


def test_what_is_private_is_never_sent_where_that_is_checked(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    fits, private = story.scan(), story.scan(l1={"hits": [{"matched_text": "hunter2"}]})
    receipt = shipping(sink_for(privacy_check=True))(private, fits)
    assert receipt.delivered == {fits.id}
    why = receipt.rejected[private.id]
    assert (why.code, why.certain) == ("privacy", True)
    assert "payload.l1.hits[0].matched_text" in why.reason
    assert "hunter2" not in why.reason


def test_a_sink_that_is_switched_off_sends_and_keeps_nothing(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    sink = sink_for(enabled=False)
    record = story.scan()
    assert shipping(sink)(record).delivered == {record.id}
    assert sink.check_health().message == "switched off: nothing is sent"
    assert (server.requests, sink.stats()["switched_off"]) == ([], 1)


def test_a_dry_run_logs_and_has_a_destination_of_its_own(
    sink_for: Sinks, story: Scans, server: AnyAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    sink, record = sink_for(dry_run=True), story.scan()
    with caplog.at_level("INFO", "telemetry_core.raxe"):
        assert shipping(sink)(record).delivered == {record.id}
    assert str(SCAN["prompt_hash"]) in caplog.text
    assert server.requests == []
    assert sink.destination() != sink_for().destination()


def test_what_was_tried_before_says_so(sink_for: Sinks, story: Scans, server: AnyAnswer) -> None:
    sink, batch = sink_for(), story.batch(story.scan())
    batch.attempt = 3
    sink.ship_batch(batch)
    assert server.events[0]["retry_count"] == 2


def test_a_key_that_expired_is_said_without_a_request(
    sink_for: Sinks,
    story: Scans,
    server: AnyAnswer,
    clock: FakeClock,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = sink_for()
    monkeypatch.delenv("RAXE_API_KEY")
    old = credentials_of(TEMP, key_type="temporary", expires_at="2025-12-31T12:00:00Z")
    CredentialStore(path, clock=clock).save(old)
    receipt = shipping(sink)(story.scan())
    assert (receipt.code, receipt.pause_until is not None) == ("credentials", True)
    assert "the key expired 1 day ago" in receipt.reason
    assert server.requests == []


def test_a_file_that_cannot_be_read_pauses_the_sink_and_stays(
    sink_for: Sinks, story: Scans, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = sink_for(credential_path=path)
    monkeypatch.delenv("RAXE_API_KEY")
    path.parent.mkdir()
    path.write_text("{half")
    receipt = shipping(sink)(story.scan())
    assert (receipt.code, receipt.pause_until is not None) == ("credentials", True)
    assert path.read_text() == "{half"


def test_a_new_key_is_used_once_the_pause_ends(
    sink_for: Sinks, story: Scans, server: AnyAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship = shipping(sink_for("unknown"))
    assert ship(story.scan()).pause_until is not None
    monkeypatch.setenv("RAXE_API_KEY", server.keys["ok2"])
    assert ship(story.scan()).delivered


def test_the_first_key_is_made_and_accepted(
    sink_for: Sinks, story: Scans, server: AnyAnswer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = sink_for()
    monkeypatch.delenv("RAXE_API_KEY")
    assert shipping(sink)(story.scan()).delivered
    kept = CredentialStore(path).load()
    assert kept is not None
    assert (kept.is_temporary(), kept.last_health_check) == (True, "2026-01-01T12:00:00Z")


def test_health_tells_how_the_key_stands(sink_for: Sinks, server: AnyAnswer) -> None:
    health = sink_for("pro").check_health()
    assert (health.ok, health.details["tier"]) == (True, "pro")
    unknown = sink_for("unknown").check_health()
    assert not unknown.ok
    assert server.keys["unknown"] not in str(unknown)
    server.down()
    assert not sink_for().check_health().ok


def test_health_is_not_asked_for_all_the_time(
    sink_for: Sinks, server: AnyAnswer, clock: FakeClock
) -> None:
    sink = sink_for("unknown")
    for _ in range(5):
        assert not sink.check_health().ok
        clock.advance(30)
    assert len(server.requests) == 1
    clock.advance(300)
    sink.check_health()
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", ["endpoint", "health_endpoint", "console_url"])
def test_an_address_that_no_key_may_go_to_is_said_at_once(sink_for: Sinks, name: str) -> None:
    with pytest.raises(ConfigError, match="over https only"):
        sink_for(**{name: "http://localhost.evil.example/v1/telemetry"})


def test_the_key_is_in_nothing_that_a_sink_says_of_itself(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    sink = sink_for()
    shipping(sink)(story.scan())
    said = f"{sink!r} {sink.stats()} {sink.check_health()} {sink.destination()}"
    assert not re.search(re.escape(server.keys["ok"]), said)


def test_what_the_service_repeats_of_the_key_is_kept_nowhere(
    ship: Ship, story: Scans, server: AnyAnswer
) -> None:
    key, alone = server.keys["ok"], story.scan()
    told = {"event_id": f"evt_{alone.id.replace('-', '')}", "message": key, "code": key}
    server.say({"accepted": 0, "rejected": 1, "rejected_events": [told]}, 207)
    receipt = ship(alone)
    assert [*receipt.rejected] == [alone.id]
    assert key not in repr(receipt)


@pytest.mark.parametrize("name", ["credential_path", "endpoint", "health_endpoint", "console_url"])
def test_a_file_of_the_working_directory_says_neither_which_key_nor_where_to(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "telemetry.toml").write_text(
        f"active = ['raxe']\non_error = 'log'\n[plugins.raxe]\n{name} = 'https://raxe.test'\n"
    )
    live = {"TELEMETRY_TEST_MODE": "live"}
    with TelemetryClient(load_config(environ=live, search_from=tmp_path)) as client:
        client.capture("scan", properties=SCAN)
        error = client.flush(5).sinks["raxe"].error
    assert "found in the working directory may not say" in error
    assert error.endswith(f"$.plugins.raxe.{name}")


# -- back-pressure


def waiting(critical: int, standard: int, records: list[Record]) -> Batch:
    counts = {Lane.CRITICAL: critical, Lane.STANDARD: standard}
    return Batch(tuple(records), waiting=counts.__getitem__)


@pytest.mark.parametrize(
    ("critical", "standard", "kept"),
    [
        (0, 39_999, 100),
        (0, 40_000, 50),
        (10_000, 44_999, 50),
        (10_000, 45_000, 20),
        (15_000, 40_000, 20),
        (0, 50_000, 0),
    ],
)
def test_the_more_wait_the_less_is_sent_of_what_comes_often(
    sink_for: Sinks, story: Scans, server: AnyAnswer, critical: int, standard: int, kept: int
) -> None:
    records = story.scans(100)
    for number, record in enumerate(records):
        assert isinstance(record.body, RunEvent)
        record.body.event_id = f"evt_{number * 10:08x}"
    sink = sink_for(back_pressure=True)
    receipt = sink.ship_batch(waiting(critical, standard, records))
    assert receipt == Receipt.all(Batch(tuple(records)))
    assert len(server.events) == kept
    assert (sink.stats()["delivered"], sink.stats()["passed_over"]) == (kept, 100 - kept)


def test_what_matters_is_sent_however_many_wait(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    grave = [story.scan(severity="high") for _ in range(50)]
    rare = [story.event("session_start", payload={}, context=None) for _ in range(50)]
    sink_for(back_pressure=True).ship_batch(waiting(0, 60_000, grave + rare))
    assert len(server.batches[0].events) == 100


def test_nothing_is_thinned_out_unless_it_is_wanted_and_many_wait(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    sink_for().ship_batch(waiting(0, 60_000, story.scans(100)))
    sink_for(back_pressure=True).ship_batch(waiting(0, 60_000, story.scans(99)))
    assert len(server.events) == 199


def test_what_is_thinned_out_waits_with_the_rest_while_nothing_arrives(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    server.down()
    sink = sink_for(back_pressure=True)
    receipt = sink.ship_batch(waiting(0, 40_000, story.scans(100)))
    assert (receipt.code, receipt.delivered, receipt.rejected) == ("network", frozenset(), {})
    assert sink.stats()["passed_over"] == 0


def test_the_sizes_of_the_lanes_are_settings(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    sink = sink_for(back_pressure=True, critical_size=0, standard_size=10)
    sink.ship_batch(waiting(10, 0, story.scans(100)))
    assert server.events == []


def test_a_request_that_settles_nothing_is_the_last_of_its_batch(
    sink_for: Sinks, story: Scans, server: AnyAnswer
) -> None:
    shipping(sink_for("err"))(*story.scans(250))
    assert server.posts == 1

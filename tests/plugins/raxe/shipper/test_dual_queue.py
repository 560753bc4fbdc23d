"""Two lanes in memory: critical events first and never dropped for others, thinned out as they fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe import DualQueue
from telemetry_raxe.back_pressure import is_kept
from telemetry_raxe.telemetry_shipper import PrivacyViolationError, ShipperError

from tests.plugins.raxe.shipper.conftest import body_of, scan

if TYPE_CHECKING:
    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers


def standard(number: int) -> dict[str, Any]:
    return {"event_id": f"evt_{number:016x}", "event_type": "session_start"}


def critical(number: int) -> dict[str, Any]:
    return {"event_id": f"evt_c{number:015x}", "event_type": "error"}


def ids(queue: DualQueue) -> list[str]:
    return [event["event_id"] for event in queue.peek(1000)]


def test_critical_events_come_first_and_the_oldest_of_each() -> None:
    queue = DualQueue()
    for event in (standard(1), critical(1), standard(2), critical(2)):
        assert queue.put(event)
    wanted = [critical(1), critical(2), standard(1), standard(2)]
    assert ids(queue) == [event["event_id"] for event in wanted]
    assert len(queue.peek(3)) == 3


def test_sizes_are_those_of_raxe() -> None:
    queue = DualQueue(back_pressure=False)
    for number in range(50_010):
        queue.put(standard(number))
    assert (queue.figures()["standard_pending"], queue.dropped) == (50_000, 10)


def test_an_event_is_held_once() -> None:
    queue = DualQueue()
    queue.put(standard(1))
    queue.put(standard(1))
    assert len(queue) == 1


def test_a_full_standard_lane_drops_its_oldest() -> None:
    queue = DualQueue(1, 2)
    for number in (1, 2, 3):
        assert queue.put(standard(number))
    assert ids(queue) == [standard(2)["event_id"], standard(3)["event_id"]]
    assert queue.dropped == 1


def test_a_full_critical_lane_drops_a_standard_event_and_never_a_critical_one() -> None:
    queue = DualQueue(2, 1)
    for event in (critical(1), critical(2), standard(1)):
        queue.put(event)
    assert queue.put(critical(3))
    assert ids(queue) == [critical(number)["event_id"] for number in (1, 2, 3)]
    assert not queue.put(critical(4))
    assert not queue.put(standard(2))
    assert (len(queue), queue.dropped) == (3, 3)


def test_what_is_there_already_needs_no_room() -> None:
    queue = DualQueue(2, 2)
    for event in (standard(1), standard(2), standard(1)):
        assert queue.put(event)
    assert (len(queue), queue.dropped) == (2, 0)


@pytest.mark.parametrize(
    ("fill", "kept"), [(0.0, 1000), (0.79, 1000), (0.8, 500), (0.89, 500), (0.9, 200), (1.0, 0)]
)
def test_the_fuller_the_lane_the_less_is_kept(fill: float, kept: int) -> None:
    events = [scan(number) for number in range(1000)]
    assert sum(is_kept(event, fill) for event in events) == kept
    assert [is_kept(event, fill) for event in events] == [is_kept(event, fill) for event in events]


@pytest.mark.parametrize(
    ("event_type", "thinned"),
    [("scan", True), ("feature_usage", True), ("heartbeat", True), ("session_start", False)],
)
def test_only_what_comes_often_is_thinned_out(event_type: str, thinned: bool) -> None:
    assert is_kept({"event_id": "evt_00000001", "event_type": event_type}, 1.0) is not thinned


def test_an_id_that_ends_in_no_number_has_its_lot_too() -> None:
    events = [{"event_id": f"evt_zzz{n}zz", "event_type": "scan"} for n in range(1000)]
    assert 400 < sum(is_kept(event, 0.8) for event in events) < 600


def test_a_queue_that_fills_thins_out() -> None:
    queue = DualQueue(10, 10)
    taken = [queue.put(scan(999)) for _ in range(1)] + [
        queue.put(scan(999 + 1000 * n)) for n in range(1, 12)
    ]
    assert taken == [True] * 8 + [False] * 4
    assert queue.dropped == 4


def test_what_is_private_is_refused_before_it_is_kept() -> None:
    queue = DualQueue(privacy_check=True)
    with pytest.raises(PrivacyViolationError, match=r"payload\.prompt holds text") as caught:
        queue.put(scan(payload={"prompt": "hunter2"}))
    assert (caught.value.field, len(queue)) == ("payload.prompt", 0)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(ShipperError, match="no event_type"):
        DualQueue().put({"payload": {}})


def test_a_shipper_ships_what_is_queued(shipper_for: Shippers, server: AnyAnswer) -> None:
    queue = DualQueue()
    for number in range(150):
        queue.put(scan(number))
    queue.put({"event_type": "session_end", "payload": {"session_id": "sess_1"}})
    results = shipper_for(queue=queue).ship_queued()
    assert [result.accepted + result.rejected for result in results] == [100, 51]
    assert (len(queue), len(server.events)) == (0, 150)


def test_an_envelope_says_what_waits(shipper_for: Shippers, server: AnyAnswer) -> None:
    queue = DualQueue()
    queue.put(standard(1))
    shipper_for(queue=queue).ship_batch([scan()])
    assert body_of(server)["queue_stats"] == {
        "critical_pending": 0,
        "standard_pending": 1,
        "dlq_size": 0,
    }


@pytest.mark.parametrize("situation", ["err", "unknown"])
def test_what_is_not_shipped_stays_queued(shipper_for: Shippers, situation: str) -> None:
    queue = DualQueue()
    queue.put(scan())
    shipper = shipper_for(situation, queue=queue, max_retries=0)
    try:
        assert shipper.ship_queued() == []
    except ShipperError:
        assert situation == "unknown"
    assert len(queue) == 1


def test_a_shipper_without_a_queue_has_nothing_queued(shipper_for: Shippers) -> None:
    assert shipper_for().ship_queued() == []

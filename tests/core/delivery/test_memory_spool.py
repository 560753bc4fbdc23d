from __future__ import annotations

import signal
from threading import Barrier, Thread

import pytest

from telemetry_core.delivery.memory_spool import MemorySpool
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane, Record


def record(number: int, *, lane: Lane = Lane.STANDARD, size: int = 10) -> Record:
    event = RunEvent(f"e{number}", "tick", 0)
    return Record(f"e{number}", Kind.EVENT, number, 0, lane, event, size)


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records]


def filled(count: int, **settings: int) -> MemorySpool:
    spool = MemorySpool(**settings)
    for number in range(count):
        spool.put(record(number))
    return spool


def test_each_take_reads_on_where_the_last_one_ended() -> None:
    spool = filled(3)
    assert ids(spool.take(2, 1000)) == ["e0", "e1"]
    assert ids(spool.take(2, 1000)) == ["e2"]
    assert spool.take(2, 1000) == []


def test_what_is_taken_stays_pending_until_it_is_settled() -> None:
    spool = filled(3)
    spool.take(2, 1000)
    spool.settle(["e0"])
    assert spool.pending() == 2


def test_each_lane_is_counted_for_itself() -> None:
    spool = filled(2)
    spool.put(record(7, lane=Lane.CRITICAL))
    assert [spool.pending(lanes=(lane,)) for lane in (Lane.CRITICAL, Lane.STANDARD)] == [1, 2]


def test_after_a_rewind_the_unsettled_come_first_and_in_order() -> None:
    spool = filled(4)
    spool.take(3, 1000)
    spool.settle(["e1"])
    spool.rewind()
    assert ids(spool.take(10, 1000)) == ["e0", "e2", "e3"]


def test_critical_records_are_taken_first() -> None:
    spool = filled(1)
    spool.put(record(7, lane=Lane.CRITICAL))
    assert ids(spool.take(2, 1000)) == ["e7", "e0"]


def test_a_take_stops_before_it_is_too_large() -> None:
    assert ids(filled(3).take(10, 25)) == ["e0", "e1"]


def test_a_record_larger_than_a_whole_take_comes_alone() -> None:
    spool = MemorySpool()
    spool.put(record(1, size=500))
    spool.put(record(2))
    assert ids(spool.take(10, 25)) == ["e1"]


def test_when_it_is_full_the_newest_is_dropped_and_counted() -> None:
    spool = filled(2, max_records=2)
    assert not spool.put(record(2))
    assert (ids(spool.take(9, 1000)), spool.dropped) == (["e0", "e1"], 1)


def test_what_is_taken_and_not_settled_takes_room() -> None:
    spool = filled(2, max_records=2)
    spool.take(2, 1000)
    assert not spool.put(record(2))
    spool.settle(["e0"])
    assert spool.put(record(3))


def test_it_is_full_by_bytes_too() -> None:
    spool = filled(2, max_bytes=25)
    assert not spool.put(record(9, size=10))
    spool.take(1, 1000)
    spool.settle(["e0"])
    assert spool.put(record(9, size=10))


def test_standard_records_leave_the_room_of_critical_ones() -> None:
    spool = filled(2, max_records=2)
    assert spool.put(record(3, lane=Lane.CRITICAL))


def test_settling_what_is_not_there_is_nothing() -> None:
    spool = filled(1)
    spool.settle(["stranger"])
    assert spool.pending() == 1


def test_threads_that_put_while_one_takes_lose_nothing() -> None:
    spool, together = MemorySpool(max_records=4000), Barrier(5)

    def write(first: int) -> None:
        together.wait()
        for number in range(first, first + 1000):
            spool.put(record(number))

    writers = [Thread(target=write, args=(first,)) for first in range(0, 4000, 1000)]
    for writer in writers:
        writer.start()
    together.wait()
    seen: set[str] = set()
    while any(writer.is_alive() for writer in writers) or spool.pending():
        taken = ids(spool.take(50, 10**9))
        spool.settle(taken)
        assert seen.isdisjoint(taken)
        seen.update(taken)
    assert len(seen) == 4000


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer here")
def test_a_signal_handler_may_put_while_the_program_puts() -> None:
    spool = MemorySpool(max_records=10**6, max_bytes=10**9)
    handled: list[bool] = []

    def handler(*_: object) -> None:
        handled.append(spool.put(record(10**6 + len(handled))))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    count = 0
    try:
        while len(handled) < 20:
            spool.put(record(count))
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert spool.pending() == count + len(handled)

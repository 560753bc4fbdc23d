"""What waits is committed together, each unit judged by itself; nobody is told before the disk is."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.errors import TooBusyError
from telemetry_run_service.storage.writer import PutRun, Writer
from telemetry_sqlite import Database, DatabaseBusyError

from telemetry_core import RunRecord, SystemClock
from tests.servers.run_service.asking import RUNS, Asked, locked, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from sqlite3 import Connection

NOTE = "INSERT INTO run_events (event_type, timestamp, event_id) VALUES ('note', '', ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@contextmanager
def _writing(path: Path, **settings: Any) -> Iterator[Writer]:
    clock = SystemClock()
    settings = {"patience": 30.0, **settings}
    writer = Writer(Database(str(path), clock), clock, **settings)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def _note(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(NOTE, (name,))
        return name

    return work


def _noted(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [
            name for (name,) in connection.execute("SELECT event_id FROM run_events ORDER BY id")
        ]
    finally:
        connection.close()


async def _behind_a_lock(
    path: Path, writer: Writer, *works: Callable[[Connection], Any]
) -> list[Any]:
    """Return the outcomes of works that all wait until a lock is let go."""
    await writer.write(lambda _: None)
    with locked(path, "IMMEDIATE"):
        first = asyncio.create_task(writer.write(works[0]))
        await asyncio.sleep(0)
        others = [asyncio.create_task(writer.write(work)) for work in works[1:]]
        await asyncio.sleep(0)
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_a_unit_that_fails_is_undone_and_the_others_are_written(path: Path) -> None:
    def fails(connection: Connection) -> None:
        connection.execute(NOTE, ("half",))
        raise ValueError("no")

    async def act(writer: Writer) -> list[Any]:
        return await _behind_a_lock(path, writer, _note("a"), fails, _note("a"), _note("b"))

    with _writing(path) as writer:
        one, refused, again, other = asyncio.run(act(writer))
    assert (one, other) == ("a", "b")
    assert isinstance(refused, ValueError)
    assert isinstance(again, sqlite3.IntegrityError)
    assert _noted(path) == ["a", "b"]


def test_what_waits_goes_into_few_transactions(path: Path) -> None:
    with _writing(path) as writer:
        names = [f"n{number}" for number in range(100)]
        done = asyncio.run(_behind_a_lock(path, writer, *map(_note, names)))
        assert done == names
        assert (writer.units, writer.waiting) == (101, 0)
        assert writer.transactions <= 4
    assert _noted(path) == names


def test_a_run_that_no_row_can_hold_keeps_none_of_its_company_out(path: Path) -> None:
    puts = [
        PutRun(RunRecord("r", "a", "j", event_id=name, items_failed=number), 0)
        for name, number in (("one", 1), ("huge", 2**63), ("two", 2))
    ]

    async def act(writer: Writer) -> list[Any]:
        return await _behind_a_lock(path, writer, *puts)

    with _writing(path) as writer:
        first, refused, last = asyncio.run(act(writer))
    assert (first, last) == (True, True)
    assert isinstance(refused, ValueError)


def test_who_came_together_once_is_waited_for_only_a_moment(path: Path) -> None:
    async def act(writer: Writer) -> str:
        await _behind_a_lock(path, writer, _note("a"), _note("b"), _note("c"))
        return await writer.write(_note("alone"))

    with _writing(path) as writer:
        assert asyncio.run(act(writer)) == "alone"


def test_a_transaction_takes_only_so_many_rows(path: Path) -> None:
    async def act(writer: Writer) -> None:
        await writer.write(lambda _: None)
        with locked(path, "IMMEDIATE"):
            tasks = [
                asyncio.create_task(writer.write(_note(f"n{number}"), rows=2000))
                for number in range(5)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    with _writing(path) as writer:
        asyncio.run(act(writer))
        assert writer.transactions == 6


def test_a_commit_that_fails_fails_every_unit(path: Path) -> None:
    def breaks(connection: Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute(NOTE, ("x" * 1_000_000,))

    with _writing(path) as writer:
        done = asyncio.run(_behind_a_lock(path, writer, _note("a"), _note("b"), breaks))
        assert [type(error).__name__ for error in done[1:]] == ["DatabaseFullError"] * 2
        assert asyncio.run(writer.write(_note("after"))) == "after"
    assert set(_noted(path)) <= {"a", "after"}


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_a_unit_raises_is_told_and_the_next_ones_are_written(
    path: Path, error: type[BaseException]
) -> None:
    def breaks(_: Connection) -> None:
        raise error("odd")

    with _writing(path) as writer:
        with pytest.raises(RuntimeError, match=error.__name__):
            asyncio.run(writer.write(breaks))
        done = asyncio.run(_behind_a_lock(path, writer, _note("a"), breaks, breaks, _note("b")))
        assert asyncio.run(writer.write(_note("after"))) == "after"
        assert writer.waiting == 0
    assert isinstance(done[1], RuntimeError)


def test_who_waits_too_long_for_a_lock_is_told_so(path: Path) -> None:
    async def act(writer: Writer) -> None:
        with locked(path, "IMMEDIATE"), pytest.raises(DatabaseBusyError):
            await writer.write(_note("late"))
        await writer.write(_note("in time"))

    with _writing(path, patience=0.05) as writer:
        asyncio.run(writer.write(lambda _: None))
        asyncio.run(act(writer))
        assert writer.waiting == 0
    assert _noted(path) == ["in time"]


def test_of_those_who_wait_for_a_lock_each_is_told_by_its_own_time(path: Path) -> None:
    async def act(writer: Writer) -> list[Any]:
        tasks = []
        with locked(path, "IMMEDIATE"):
            for number in range(16):
                tasks.append(asyncio.create_task(writer.write(_note(f"n{number}"))))
                await asyncio.sleep(0.05)
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20.0)

    with _writing(path, patience=0.3) as writer:
        asyncio.run(writer.write(lambda _: None))
        told = asyncio.run(act(writer))
    late = [error for error in told if isinstance(error, DatabaseBusyError)]
    stored = [name for name in told if isinstance(name, str)]
    assert late
    assert len(late) + len(stored) == len(told)
    assert stored == _noted(path)


def test_nobody_is_told_of_what_cannot_be_committed(path: Path) -> None:
    async def act(writer: Writer) -> list[Any]:
        works = [writer.write(_note(name)) for name in "ab"]
        return await asyncio.gather(*works, return_exceptions=True)

    with _writing(path, patience=0.05) as writer:
        asyncio.run(writer.write(lambda _: None))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM run_events").fetchall()  # which keeps all from a COMMIT
            told = asyncio.run(act(writer))
    assert [type(error) for error in told] == [DatabaseBusyError] * 2
    assert _noted(path) == []


def test_no_more_may_wait_than_can_be_remembered(path: Path) -> None:
    async def act(writer: Writer) -> None:
        await writer.write(lambda _: None)
        with locked(path, "IMMEDIATE"):
            tasks = [asyncio.create_task(writer.write(_note(name))) for name in "abc"]
            await asyncio.sleep(0)
            with pytest.raises(TooBusyError):
                await writer.write(_note("d"))
        await asyncio.gather(*tasks)

    with _writing(path, most_waiting=3) as writer:
        asyncio.run(act(writer))
    assert _noted(path) == ["a", "b", "c"]


def test_who_gave_up_is_not_waited_for_and_may_be_written(path: Path) -> None:
    async def act(writer: Writer) -> None:
        await writer.write(lambda _: None)
        with locked(path, "IMMEDIATE"):
            task = asyncio.create_task(writer.write(_note("given up")))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await writer.write(_note("next"))

    with _writing(path) as writer:
        asyncio.run(act(writer))
    assert _noted(path) == ["given up", "next"]


def test_stopping_writes_what_is_waiting_and_takes_nothing_more(path: Path) -> None:
    async def act(writer: Writer) -> list[Any]:
        await writer.write(lambda _: None)
        with locked(path, "IMMEDIATE"):
            alone = [writer.write(_note(name), rows=2000) for name in "abc"]
            tasks = [asyncio.create_task(each) for each in alone]
            await asyncio.sleep(0)
            stopping = asyncio.create_task(asyncio.to_thread(writer.stop))
            await asyncio.sleep(0.01)
            with pytest.raises(TooBusyError):
                await writer.write(_note("d"))
        await stopping
        assert _noted(path) == ["a", "b", "c"]
        return await asyncio.gather(*tasks)

    clock = SystemClock()
    writer = Writer(Database(str(path), clock), clock, patience=30)
    writer.start()
    assert asyncio.run(act(writer)) == ["a", "b", "c"]


def test_those_who_listen_are_woken_by_a_commit_and_not_by_a_failure(path: Path) -> None:
    heard: list[None] = []

    def fails(connection: Connection) -> None:
        raise sqlite3.OperationalError("broken")

    async def act(writer: Writer) -> None:
        with pytest.raises(sqlite3.OperationalError):
            await writer.write(fails)
        assert not heard
        await writer.write(_note("a"))

    with _writing(path, committed=lambda: heard.append(None)) as writer:
        asyncio.run(act(writer))
    assert len(heard) == 1


def test_a_service_that_stops_has_written_what_it_accepted(path: Path) -> None:
    with Asked(path) as service:
        answers = service.together(*[("POST", RUNS, {"json": run(f"e{n}")}) for n in range(50)])
    assert {answer.status_code for answer in answers} == {201}
    with Asked(path) as service:
        assert len(service.get(RUNS).json()) == 50

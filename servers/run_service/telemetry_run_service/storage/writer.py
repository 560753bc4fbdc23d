"""The one thread that writes: what waits goes into one transaction, answered once it is committed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define
from telemetry_sqlite import DatabaseBusyError, put_run, put_together

from telemetry_run_service.errors import BLAME, TROUBLE, TooBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from telemetry_sqlite import Database

    from telemetry_core import Clock, RunRecord

T = TypeVar("T")

_MOST_WAITING = 4096
_MOST_UNITS = 256  # of one transaction
_MOST_ROWS = 2000  # after which a transaction takes no further unit
_PAUSE = 0.01
_FOR_COMPANY = 0.002  # seconds at most


@define(eq=False)
class _Unit:
    """What one request wants written, and who waits for it."""

    work: Callable[[Connection], Any]
    rows: int
    deadline: float
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


@define(eq=False)
class PutRun:
    """Stores a run that was seen at a time; several in a row are stored together, which costs less."""

    run: RunRecord
    seen_ns: int

    def __call__(self, connection: Connection) -> bool:
        """Tell whether the run is new, once it is stored or merged."""
        return put_run(connection, self.run, self.seen_ns)


class Writer:
    """Does units of work in the order they came, many in one transaction when many are waiting.

    A unit that is alone is committed alone, and those that come meanwhile are the next
    transaction. Those who were answered together mostly come again together: the first of them
    waits a moment for the others, since a transaction costs more than many units. A unit that
    fails is undone by itself.

    :param patience: seconds that a request waits for the database.
    :param committed: called in the event loop's thread when something was committed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        patience: float,
        committed: Callable[[], None] = lambda: None,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._committed = committed
        self._most_waiting = most_waiting
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="telemetry-run-service-writer", daemon=True)
        self._stopping = False
        self._door = Lock()  # nobody comes behind what ends the thread: he would wait for ever
        self._company = 1  # units of the last transaction
        self._complete = Event()  # as many are waiting
        self._complete.set()
        self.waiting = 0
        self.transactions = 0
        self.units = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    async def write(self, work: Callable[[Connection], T], *, rows: int = 1) -> T:
        """Return what the work returned, once it is on the disk; or raise what kept it from there.

        The work may be done twice, on another transaction, so it changes nothing but the database.
        Raises `TooBusyError` when too many are waiting. Who is cancelled is not waited for, yet
        what it wanted may be written.

        :param rows: about how many rows it writes.
        """
        if self.waiting >= self._most_waiting:
            raise TooBusyError("too many writes are waiting")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        deadline = self._clock.monotonic() + self._patience
        with self._door:
            if self._stopping:
                raise TooBusyError("the service is stopping")
            self._queue.put(_Unit(work, rows, deadline, loop, future))
        self.waiting += 1
        if not self._complete.is_set() and self._queue.qsize() + 1 >= self._company:
            self._complete.set()
        return await future

    def stop(self) -> None:
        """Write what is waiting, accept nothing more, and end."""
        with self._door:
            self._stopping = True
            self._queue.put(None)
        self._complete.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while (unit := self._queue.get()) is not None:
            self._wait_for_company()
            group = [unit, *self._others(unit.rows)]
            self._company = len(group)
            self._write(group)
        self._database.close()

    def _wait_for_company(self) -> None:
        """Wait until as many are there as were in the transaction before, but not for long."""
        self._complete.clear()
        if self._queue.qsize() + 1 < self._company and not self._stopping:
            self._complete.wait(_FOR_COMPANY)
        self._complete.set()

    def _others(self, rows: int) -> Iterator[_Unit]:
        """Give what is waiting already, up to what one transaction takes."""
        for _ in range(_MOST_UNITS - 1):
            if rows >= _MOST_ROWS:
                return
            try:
                unit = self._queue.get_nowait()
            except Empty:
                return
            if unit is None:
                self._queue.put(None)  # to be met again once these are written
                return
            rows += unit.rows
            yield unit

    def _write(self, group: list[_Unit]) -> None:
        """Commit the units together, and again those that may still wait for a locked database."""
        work = _work_together
        while group:
            try:
                self._database.write(partial(work, group), min(unit.deadline for unit in group))
            except DatabaseBusyError as error:
                group = self._without_the_late(group, error)
            except BaseException as error:  # whatever it is, the thread goes on: who else would?
                if len(group) > 1 and work is _work_together and _blames_a_unit(error):
                    work = _work_apart
                    continue
                _fail(group, error)
                self._settle(group)
                return
            else:
                self.transactions += 1
                self.units += len(group)
                self._settle(group, self._committed)
                return

    def _without_the_late(self, group: list[_Unit], error: Exception) -> list[_Unit]:
        """Answer those whose time is over, and return the others."""
        now = self._clock.monotonic()
        late = [unit for unit in group if unit.deadline <= now]
        _fail(late, error)
        self._settle(late)
        if not late:
            self._clock.sleep(_PAUSE)
        return [unit for unit in group if unit.deadline > now]

    def _settle(self, units: list[_Unit], then: Callable[[], None] | None = None) -> None:
        """Tell those who wait, in the threads of their event loops."""
        for loop in {unit.loop for unit in units}:
            its = [unit for unit in units if unit.loop is loop]
            with suppress(RuntimeError):  # it is closed, and nobody waits any more
                loop.call_soon_threadsafe(self._tell, its, then)

    def _tell(self, units: list[_Unit], then: Callable[[], None] | None) -> None:
        self.waiting -= len(units)
        for unit in units:
            if unit.future.done():
                continue
            if unit.error is not None:
                unit.future.set_exception(unit.error)
            else:
                unit.future.set_result(unit.result)
        if then is not None:
            then()


def _work_together(units: list[_Unit], connection: Connection) -> None:
    """Do all units, those in a row together that put a run; what fails fails with all of them."""
    for _, some in groupby(units, key=lambda unit: isinstance(unit.work, PutRun)):
        alike = [*some]
        puts = [unit.work for unit in alike if isinstance(unit.work, PutRun)]
        if len(puts) > 1:
            results: list[Any] = put_together(connection, [(put.run, put.seen_ns) for put in puts])
        else:
            results = [unit.work(connection) for unit in alike]
        for unit, result in zip(alike, results, strict=True):
            unit.result, unit.error = result, None


def _work_apart(units: list[_Unit], connection: Connection) -> None:
    """Do each unit by itself, so that one which fails keeps no other one out."""
    for unit in units:
        connection.execute("SAVEPOINT unit")
        try:
            unit.result, unit.error = unit.work(connection), None
        except Exception as error:
            if not _blames_a_unit(error):
                raise
            connection.execute("ROLLBACK TO unit")
            _fail([unit], error)
        connection.execute("RELEASE unit")


def _blames_a_unit(error: BaseException) -> bool:
    """Tell whether one unit is to blame, not the database, with which all of them would fail."""
    if isinstance(error, BLAME):
        return True
    return isinstance(error, Exception) and not isinstance(error, TROUBLE)


def _fail(units: list[_Unit], error: BaseException) -> None:
    """Note what to raise where one waits; what means something else to an event loop is wrapped."""
    if isinstance(error, StopIteration) or not isinstance(error, Exception):
        wrapped = RuntimeError(f"{type(error).__name__} while writing: {error}")
        wrapped.__cause__ = error
        error = wrapped
    for unit in units:
        unit.result, unit.error = None, error

"""What the routes share: the settings, the gate, the writer, the readers and who is listening."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from telemetry_sqlite import Database, Readers, RunQueries

from telemetry_core import get_logger
from telemetry_run_service.answers.problems import refused
from telemetry_run_service.errors import BLAME, TROUBLE
from telemetry_run_service.security.gate import Gate
from telemetry_run_service.storage.reader import Reader
from telemetry_run_service.storage.watching import Watch
from telemetry_run_service.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from sqlite3 import Connection

    from telemetry_run_service.answers.problems import RefusedError
    from telemetry_run_service.settings.settings import ServiceSettings

T = TypeVar("T")

logger = get_logger("telemetry_run_service")

_MOST_PATIENCE = 30.0
_HEALTH_PATIENCE = 2.0


class Service:
    """The parts of one running service; made before its event loop, started in it."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.clock = settings.clock
        self.gate = Gate(settings)
        patience = patience_of(settings)
        path = settings.db_path
        self._readers = Readers(path, patience=patience)
        self._quick_readers = Readers(path, patience=_HEALTH_PATIENCE)
        self.writer = Writer(
            Database(path, self.clock),
            self.clock,
            patience=patience,
            committed=lambda: self.watch.wake(),
        )
        self.reader = Reader(RunQueries(path, self._readers), self.clock, patience=patience)
        # a thread of its own: while others wait for a locked database, one can say that it is
        self.health = Reader(
            RunQueries(path, self._quick_readers),
            self.clock,
            patience=_HEALTH_PATIENCE,
            threads=1,
        )
        self.watch = Watch(self.reader, f"{self.clock.time_ns():x}")
        self.names_changed = 0  # how often something was written that may have brought a new name

    @asynccontextmanager
    async def running(self, _: Any = None) -> AsyncIterator[None]:
        """Run from entering to leaving; what was accepted until then is written."""
        self.writer.start()
        try:
            await self.writer.write(lambda _: None)  # makes the database, and opens it
        except TROUBLE as error:
            logger.warning("the database cannot be used yet: %s", error)
        try:
            yield
        finally:
            await self.watch.close()
            await asyncio.to_thread(self._close)

    async def write(self, work: Callable[[Connection], T], *, rows: int = 1) -> T:
        """Return what the work returned, once it is on the disk.

        Raises the answer 400 for what no row can hold.
        """
        try:
            return await self.writer.write(work, rows=rows)
        except BLAME as error:
            raise refused(400, f"Database integrity error: {error}") from error

    async def row(self, event_id: str) -> tuple[Any, ...]:
        """Return the row of a run; raises the answer 404 when there is none."""
        row = await self.reader.ask(lambda queries: queries.one_row(event_id))
        if row is None:
            raise self.not_found(event_id)
        return row

    @staticmethod
    def not_found(event_id: str) -> RefusedError:
        """Return what is to be raised for the answer 404."""
        return refused(404, f"Run not found: {event_id}")

    def _close(self) -> None:
        self.writer.stop()
        for reader in (self.reader, self.health):
            reader.close()
        for readers in (self._readers, self._quick_readers):
            readers.close()


def patience_of(settings: ServiceSettings) -> float:
    """Return for how many seconds a request waits for a locked database."""
    return min(settings.busy_timeout_ms / 1000, _MOST_PATIENCE)

"""The few threads that read: SQLite never runs on the event loop."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from telemetry_run_service.errors import DatabaseMissingError, TooBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_sqlite import RunQueries

    from telemetry_core import Clock

T = TypeVar("T")

_THREADS = 4
_MOST_WAITING = 512
_LEAST_PATIENCE = 1.0  # for a thread; that is no matter of locks


class Reader:
    """Asks the database beside the event loop, a few questions at a time.

    :param patience: seconds that a question waits for a thread to be free.
    """

    def __init__(
        self,
        queries: RunQueries,
        clock: Clock,
        *,
        patience: float,
        threads: int = _THREADS,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._queries = queries
        self._clock = clock
        self._patience = max(patience, _LEAST_PATIENCE)
        self._most_waiting = most_waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="telemetry-run-service-reader")
        self.waiting = 0

    async def ask(self, question: Callable[[RunQueries], T]) -> T:
        """Return the answer to a question.

        Raises `DatabaseUnusableError` for what keeps SQLite from reading, `DatabaseMissingError`
        when the file is gone, and `TooBusyError` when too many are waiting.
        """
        if self.waiting >= self._most_waiting:
            raise TooBusyError("too many reads are waiting")
        deadline = self._clock.monotonic() + self._patience
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._answer, question, deadline)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Answer what is being asked, and end."""
        self._pool.shutdown(cancel_futures=True)

    def _answer(self, question: Callable[[RunQueries], T], deadline: float) -> T:
        if self._clock.monotonic() > deadline:
            raise TooBusyError("database is locked")
        if not os.path.exists(self._queries.path):
            raise DatabaseMissingError("unable to open database file")
        return question(self._queries)

"""Watches the database for those who listen, and remembers the latest of what it saw."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry_core import get_logger
from telemetry_run_service.answers.answer import encoded, record_of_names
from telemetry_run_service.errors import TROUBLE, TooBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from telemetry_sqlite import RunQueries
    from telemetry_sqlite.following import Follower

    from telemetry_run_service.storage.reader import Reader

logger = get_logger("telemetry_run_service")

MOST_LISTENERS = 64
_LOOK_EVERY = 1.0  # seconds, for what other programs write; what we write is looked for at once
_REMEMBERED = 1000
_MOST_BEHIND = 1000  # messages that a slow listener may be behind before it is let go
_SILENCE = 15.0
_COMMENT = b": still here\n\n"

Run = dict[str, Any]


class Watch:
    """Looks once for all listeners, as long as there are any.

    :param boot: what tells the messages of this process from those of another one.
    """

    def __init__(self, reader: Reader, boot: str) -> None:
        self._reader = reader
        self._boot = boot
        self._listeners: set[Listener] = set()
        self._latest: deque[Message] = deque(maxlen=_REMEMBERED)
        self._count = 0
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._follower: Follower | None = None
        self._beginning = asyncio.Lock()
        self._closed = False

    @property
    def listening(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    def wake(self) -> None:
        """Look now: something was committed."""
        if self._listeners:
            self._changed.set()

    async def listen(
        self, wanted: Callable[[Run], bool], last_id: str | None, *, whole: bool = False
    ) -> Listener:
        """Return a new listener: it is told of all that changes from now on.

        First it is told what it missed, as far as that is remembered. Raises `TooBusyError` when
        there are too many already, or all is being closed, and what keeps one from reading.

        :param last_id: the id of the last message that it got before, of whatever process.
        :param whole: with the columns that only our own stores know.
        """
        async with self._beginning:
            if self._follower is None:
                self._follower = await self._reader.ask(_follower)
        if self._closed:
            raise TooBusyError("the service is stopping")
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooBusyError(f"{MOST_LISTENERS} are listening already")
        listener = Listener(wanted, self._listeners.discard, whole=whole)
        self._listeners.add(listener)
        listener.tell(self._missed(last_id))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(self._follower))
        return listener

    async def close(self) -> None:
        """Let all listeners go."""
        self._closed = True
        for listener in [*self._listeners]:
            listener.leave()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    def _missed(self, last_id: str | None) -> list[Message]:
        boot, _, number = (last_id or "").rpartition("-")
        if boot != self._boot or not number.isdecimal():
            return []
        return [message for message in self._latest if message.number > int(number)]

    async def _look(self, follower: Follower) -> None:
        """Look as long as somebody listens; a database that cannot be read is tried again."""
        while self._listeners:
            self._changed.clear()
            try:
                self._tell(await self._reader.ask(partial(_runs, follower)))
            except TROUBLE as error:
                logger.warning("listeners are not told of changes: %s", error)
            except Exception:  # those who listen would wait for ever for a task that ended
                logger.exception("listeners are not told of a change")
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._changed.wait()
        self._follower = None

    def _tell(self, runs: Iterable[Run]) -> None:
        messages = []
        for run in runs:
            self._count += 1
            messages.append(Message(self._count, f"{self._boot}-{self._count}", run))
        self._latest.extend(messages)
        for listener in [*self._listeners]:
            listener.tell(messages)


class Message:
    """A run that is new or has changed; written down once for all who want it."""

    def __init__(self, number: int, id: str, run: Run) -> None:
        self.number = number
        self.run = run
        self._id = id
        self._texts: dict[bool, bytes] = {}

    def text(self, *, whole: bool) -> bytes:
        """Return it as it is sent."""
        if whole not in self._texts:
            record = encoded(record_of_names(self.run, whole=whole))
            self._texts[whole] = f"event: run\nid: {self._id}\ndata: ".encode() + record + b"\n\n"
        return self._texts[whole]


class Listener:
    """One who listens: what it was told and has not read yet."""

    def __init__(
        self, wanted: Callable[[Run], bool], left: Callable[[Listener], None], *, whole: bool
    ) -> None:
        self._wanted = wanted
        self._left = left
        self._whole = whole
        self._unread: deque[bytes] = deque()
        self._told = asyncio.Event()
        self._gone = False

    def tell(self, messages: Iterable[Message]) -> None:
        """Hand over what is wanted of these messages; who does not read for long is let go."""
        wanted = (message for message in messages if self._wanted(message.run))
        self._unread.extend(message.text(whole=self._whole) for message in wanted)
        if len(self._unread) > _MOST_BEHIND:
            self.leave()
        self._told.set()

    def leave(self) -> None:
        """Listen no more."""
        self._gone = True
        self._told.set()
        self._left(self)

    async def texts(self) -> AsyncIterator[bytes]:
        """Give what was told, and a comment after a while without anything, until it ends."""
        while not self._gone:
            try:
                async with asyncio.timeout(_SILENCE):
                    await self._told.wait()
            except TimeoutError:
                yield _COMMENT
                continue
            self._told.clear()
            while self._unread and not self._gone:
                yield self._unread.popleft()


def _runs(follower: Follower, _: RunQueries) -> list[Run]:
    return follower.runs()


def _follower(queries: RunQueries) -> Follower:
    return queries.follow()

"""Lets the processes that write into one database do so in turn, the longest waiting first."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock alone, correct though not as fair
    fcntl = None  # type: ignore[assignment]


class Turn:
    """A writer's turn, from entering to leaving the `with` block.

    SQLite's busy handler sleeps and looks again, so that who comes late may go first; waiting
    in `flock` the kernel wakes the next one (worst wait 20 ms instead of 2.3 s with four
    processes). It is about fairness only: SQLite's own lock guards the data, so whatever keeps
    us from queueing is no reason not to write.

    A holder that dies frees the turn; one that is stopped keeps it, as it keeps SQLite's lock.
    Waiting with a time limit has its place in the queue too: a thread keeps it, and where the
    wait is given up, the next one of this process takes it over.

    :param patience: seconds after which entering raises `BlockingIOError`; without it no limit.
    """

    __slots__ = ("_descriptor", "_path", "_patience")

    def __init__(self, database: str, patience: float | None = None) -> None:
        self._path = _lock_of(database)
        self._patience = patience
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._descriptor = _queue(self._path, self._patience)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is not None and self._descriptor in _OPEN:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # a child's copy must not hold it on
            _OPEN.close(self._descriptor)


@lru_cache(maxsize=64)  # a call to the system for each part of the path
def _lock_of(database: str) -> str:
    """Return the file to queue with: one for all links to a database."""
    return f"{os.path.realpath(database)}.writer.lock"


class _OpenTurns:
    """The descriptors that are queueing or have their turn. The one of its kind.

    A forked child closes them: its copy would keep the turn when the parent dies in it, from
    everybody and for as long as the child lives.
    """

    def __init__(self) -> None:
        self._descriptors: set[int] = set()
        self._left: dict[str, list[_Place]] = {}  # in the queue, by whoever gave the wait up
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_inherited)

    def __contains__(self, descriptor: object) -> bool:
        """Tell whether this process opened it; in a forked child its number may be another file's."""
        return descriptor in self._descriptors

    def open(self, path: str) -> int:
        """Open a file to queue with. Raises `OSError`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._descriptors.add(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        """Leave the queue."""
        self._descriptors.discard(descriptor)
        os.close(descriptor)

    def place(self, path: str) -> _Place:
        """Queue, or take over where a wait was given up. Raises `OSError`."""
        while left := self._left.get(path):
            with suppress(IndexError):
                place = left.pop()
                if place.take_over():
                    return place
        return _Place(path)

    def leave(self, place: _Place) -> None:
        """Give a wait up, for the next one to take over."""
        self._left.setdefault(place.path, []).append(place)

    def _close_inherited(self) -> None:
        self._left.clear()  # no thread of the parent's is here
        while self._descriptors:
            with suppress(OSError):
                os.close(self._descriptors.pop())


class _Place:
    """A place in the queue, which a thread keeps until its turn comes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = _OPEN.open(path)
        self._lock = threading.Lock()
        self._come = threading.Event()
        self._wanted = True
        self._error: OSError | None = None
        try:
            threading.Thread(target=self._queue, name="telemetry-turn", daemon=True).start()
        except BaseException:
            _OPEN.close(self.descriptor)
            raise

    def wait(self, seconds: float) -> int | None:
        """Return the descriptor that has the turn, or nothing; see `_queue`.

        Raises `BlockingIOError` when it has not come after so long.
        """
        try:
            self._come.wait(min(seconds, threading.TIMEOUT_MAX))
        except BaseException:
            if not self._give_up():
                _OPEN.close(self.descriptor)
            raise
        if self._give_up():
            raise BlockingIOError(errno.EAGAIN, "another writer has its turn", self.path)
        if self._error is None:
            return self.descriptor
        _OPEN.close(self.descriptor)
        return None

    def take_over(self) -> bool:
        """Wait for it again; false when the turn came meanwhile and was let go."""
        with self._lock:
            self._wanted = not self._come.is_set()
            return self._wanted

    def _give_up(self) -> bool:
        """Let go of the turn as soon as it comes; false when it has come."""
        with self._lock:
            if self._come.is_set():
                return False
            self._wanted = False
            _OPEN.leave(self)
            return True

    def _queue(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._lock:
            self._come.set()
            if not self._wanted:
                _OPEN.close(self.descriptor)  # which lets go


_OPEN = _OpenTurns()


def _queue(path: str, patience: float | None) -> int | None:
    """Return the descriptor that has the turn, or nothing where nobody can queue."""
    if fcntl is None:
        return None
    try:
        descriptor = _OPEN.open(path)
    except OSError:  # a directory that takes no file: SQLite says so in its own words
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if patience is None else fcntl.LOCK_NB))
        return descriptor
    except OSError as error:
        _OPEN.close(descriptor)
        if patience is None or not isinstance(error, BlockingIOError):
            return None  # a file system without flock
        if patience <= 0:
            raise
    return _OPEN.place(path).wait(patience)

"""Lets the processes that write into one database do so in turn, the longest waiting first."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from telemetry_core import SystemClock

if TYPE_CHECKING:
    from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock alone, correct though not as fair
    fcntl = None  # type: ignore[assignment]

_LOOK_EVERY = 0.02


class Turn:
    """A writer's turn, from entering to leaving the `with` block.

    SQLite's busy handler sleeps and looks again, so that who comes late may go first; waiting
    in `flock` the kernel wakes the next one (worst wait 20 ms instead of 2.3 s with four
    processes). It is about fairness only: SQLite's own lock guards the data, so whatever keeps
    us from queueing is no reason not to write.

    The wait has no time limit, for a poll would lose its place. A holder that dies frees the
    turn. One that is stopped keeps it, as it keeps SQLite's lock: then this sink's worker waits
    and the records stay in the spool.

    :param patience: seconds after which one would rather do without, for work that somebody
        waits for; then entering raises `BlockingIOError`.
    """

    __slots__ = ("_descriptor", "_path", "_patience")

    def __init__(self, database: str, patience: float | None = None) -> None:
        self._path = f"{os.path.realpath(database)}.writer.lock"  # one for all links to it
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


class _OpenTurns:
    """The descriptors that are queueing or have their turn. The one of its kind.

    A forked child closes them: its copy would keep the turn when the parent dies in it, from
    everybody and for as long as the child lives.
    """

    def __init__(self) -> None:
        self._descriptors: set[int] = set()
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

    def _close_inherited(self) -> None:
        while self._descriptors:
            with suppress(OSError):
                os.close(self._descriptors.pop())


_OPEN = _OpenTurns()


def _queue(path: str, patience: float | None) -> int | None:
    if fcntl is None:
        return None
    try:
        descriptor = _OPEN.open(path)
    except OSError:  # a directory that takes no file: SQLite says so in its own words
        return None
    try:
        if patience is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _try_for(patience, descriptor)
    except BlockingIOError:
        _OPEN.close(descriptor)
        raise
    except OSError:  # a file system without flock
        _OPEN.close(descriptor)
        return None
    return descriptor


def _try_for(seconds: float, descriptor: int) -> None:
    deadline = SystemClock.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if SystemClock.monotonic() >= deadline:
                raise
        SystemClock.sleep(_LOOK_EVERY)

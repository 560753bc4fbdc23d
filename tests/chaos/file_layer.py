"""A layer under a program's files: all that changes them passes it one by one, and may end there.

It lies where Python and SQLite hand over to the operating system: the functions of `os`, `FileIO`,
and the table of functions by which SQLite reaches files. A program imports this module first, and
says by its environment what is to happen: be killed at a change, or write all changes down.
"""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import pickle
import re
import signal
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from tests.chaos.programs import TALLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

KILL, CHANGES = "CHAOS_KILL", "CHAOS_CHANGES"
MOST_NUMBERS = 4096  # of which the notes are kept with each change
CREATE, WRITE, TRUNCATE, SYNC, SYNC_NAMES = "create", "write", "truncate", "sync", "sync names of"
RENAME, LINK, UNLINK, MKDIR, RMDIR = "rename", "link", "unlink", "mkdir", "rmdir"


class Change(NamedTuple):
    """One change of a file or of a folder's names.

    :ivar file: the number of the file, the same for all its names, unless names are what changes.
    :ivar other: the second path of a rename or a link.
    """

    kind: str
    path: str
    file: int = 0
    offset: int = 0
    data: bytes = b""
    other: str = ""


class Observer(Protocol):
    """What sees each change, and has it happen or not."""

    def around(self, change: Change, act: Callable[[], T], half: Callable[[], object]) -> T:
        """Do it; `half` does it halfway."""


class Killer:
    """Kills the program before, halfway through or after the n-th of such changes."""

    def __init__(self, where: str, number: int, how: str) -> None:
        self._where = re.compile(where)
        self._number = number
        self._how = how
        self._count = itertools.count()

    def around(self, change: Change, act: Callable[[], T], half: Callable[[], object]) -> T:
        """Do it, unless this is the one."""
        if (
            not self._where.search(f"{change.kind} {change.path}")
            or next(self._count) != self._number
        ):
            return act()
        if self._how == "halfway":
            half()
        elif self._how == "after":
            act()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


class Recorder:
    """Writes every change down, with what had been told by then."""

    def __init__(self, path: str) -> None:
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._tally = os.open(os.environ[TALLY], os.O_RDONLY)
        self._write = os.write  # the real one

    def around(self, change: Change, act: Callable[[], T], _half: Callable[[], object]) -> T:
        """Do it, and write it down once it is done."""
        told = os.pread(self._tally, MOST_NUMBERS, 0).rstrip(b"\0")
        result = act()
        if change.kind == CREATE:
            change = change._replace(file=os.stat(change.path).st_ino)
        self._write(self._log, pickle.dumps((tuple(change), told)))
        return result


def recorded_changes(path: Path) -> Iterator[tuple[Change, bytes]]:
    """Give what a recorder wrote down: each change, and the notes of all numbers before it."""
    with path.open("rb") as log, suppress(EOFError):
        while True:
            change, told = pickle.load(log)
            yield Change(*change), told


class Layer:
    """Puts itself in the place of what changes files below one directory."""

    def __init__(self, observer: Observer, below: str) -> None:
        self.below = os.path.abspath(below)
        self.observer = observer
        self.lock = threading.RLock()
        self._paths: dict[int, str] = {}

    def sees(self, path: object) -> bool:
        """Tell whether a path is of interest."""
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.below)

    def change(self, change: Change, act: Callable[[], T], half: Callable[[], object] = int) -> T:
        """Have a change observed; one at a time, so that the order is what happened."""
        with self.lock:
            return self.observer.around(change, act, half)

    def knows(self, descriptor: int) -> tuple[int, str] | None:
        """Return the number and the path of an open file of interest."""
        file = os.fstat(descriptor).st_ino
        return (file, self._paths[file]) if file in self._paths else None

    def open(self, real: Any, path: Any, flags: int, *arguments: Any, **more: Any) -> int:
        """Open; a file that was not there is created."""
        if not self.sees(path):
            return int(real(path, flags, *arguments, **more))
        name = os.path.abspath(os.fspath(path))
        with self.lock:
            fresh = bool(flags & os.O_CREAT) and not os.path.lexists(name)
            if fresh:
                descriptor = self.change(
                    Change(CREATE, name), lambda: int(real(path, flags, *arguments, **more))
                )
            else:
                descriptor = int(real(path, flags, *arguments, **more))
                if flags & os.O_TRUNC:
                    self.change(Change(TRUNCATE, name, os.fstat(descriptor).st_ino), int)
            self._paths[os.fstat(descriptor).st_ino] = name
        return descriptor

    def write(self, real: Any, descriptor: int, data: Any, act: Callable[[], int]) -> int:
        """Write at the end, or where the descriptor stands."""
        with self.lock:
            known = self.knows(descriptor)
            if known is None:
                return act()
            at_end = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
            whence = os.SEEK_END if at_end else os.SEEK_CUR
            offset = os.lseek(descriptor, 0, whence)
            content = bytes(data)
            change = Change(WRITE, known[1], known[0], offset, content)
            return self.change(change, act, lambda: real(descriptor, content[: len(content) // 2]))

    def sync(self, real: Any, descriptor: int) -> Any:
        """Have the disk take a file, or the names in a folder."""
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            return self.change(Change(SYNC_NAMES, path), lambda: real(descriptor))
        known = self.knows(descriptor)
        if known is None:
            return real(descriptor)
        return self.change(Change(SYNC, known[1], known[0]), lambda: real(descriptor))

    def truncate(self, real: Any, descriptor: int, size: int) -> Any:
        """Cut an open file."""
        known = self.knows(descriptor)
        if known is None:
            return real(descriptor, size)
        change = Change(TRUNCATE, known[1], known[0], size)
        return self.change(change, lambda: real(descriptor, size))

    def name(self, kind: str, real: Any, paths: tuple[Any, ...], more: Any) -> Any:
        """Change names; the last path is the one that comes or goes."""
        if not self.sees(paths[-1]):
            return real(*paths, **more)
        places = [os.path.abspath(os.fspath(path)) for path in paths if not isinstance(path, int)]
        change = Change(kind, places[0], other=places[1] if len(places) > 1 else "")
        return self.change(change, lambda: real(*paths, **more))


def install(layer: Layer) -> None:
    """Replace the functions by which Python changes files; before anybody else imports them."""
    opened, written, truncated = os.open, os.write, os.ftruncate
    os.open = lambda *a, **k: layer.open(opened, *a, **k)
    os.write = lambda d, data: layer.write(written, d, data, lambda: written(d, data))
    os.ftruncate = lambda d, size: layer.truncate(truncated, d, size)
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _syncing(layer, getattr(os, name)))
    names = {"replace": RENAME, "rename": RENAME, "link": LINK, "unlink": UNLINK, "remove": UNLINK}
    for name, kind in {**names, "mkdir": MKDIR, "rmdir": RMDIR}.items():
        setattr(os, name, _naming(layer, kind, getattr(os, name)))
    io.FileIO = _watched_file(layer, written)  # type: ignore[misc]


def _syncing(layer: Layer, real: Any) -> Any:
    return lambda descriptor: layer.sync(real, descriptor)


def _naming(layer: Layer, kind: str, real: Any) -> Any:
    def change(*paths: Any, **more: Any) -> Any:
        counted = paths[:2] if kind in {RENAME, LINK} else paths[:1]
        if len(paths) > len(counted):  # the mode of mkdir
            more["mode"] = paths[1]
        return layer.name(kind, real, counted, more)

    return change


def _watched_file(layer: Layer, written: Any) -> type[io.FileIO]:
    plain = io.FileIO

    class WatchedFile(plain):  # type: ignore[valid-type, misc]
        """A file whose opening and writing pass the layer."""

        def __init__(
            self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None
        ) -> None:
            opener = opener or (lambda path, flags: os.open(path, flags | os.O_CLOEXEC, 0o666))
            super().__init__(file, mode, closefd, opener)

        def write(self, data: Any) -> int:
            """Write what passes."""
            act = super().write
            return layer.write(written, self.fileno(), data, lambda: int(act(data) or 0))

    return WatchedFile


def begin() -> None:
    """Install what the environment asks for."""
    observer: Observer | None = None
    if KILL in os.environ:
        where, number, how = os.environ[KILL].rsplit(" ", 2)
        observer = Killer(where, int(number), how)
    elif CHANGES in os.environ:
        observer = Recorder(os.environ[CHANGES])
    if observer is not None:
        from tests.chaos.sqlite_layer import install_below_sqlite

        layer = Layer(observer, os.environ["TELEMETRY_BASE_DIR"])
        install_below_sqlite(layer)
        install(layer)


begin()

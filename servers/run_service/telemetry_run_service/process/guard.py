"""The guard: one service a database, held by the kernel for as long as the process lives."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from telemetry_core import get_iso8601_timestamp, is_the_file_at, try_lock, unlock
from telemetry_run_service.process.refusals import DatabaseRefusedError, DatabaseTakenError

if TYPE_CHECKING:
    from types import TracebackType

_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
_MOST = 4096  # bytes of what a holder says of itself
_PASSING = ".unfinished"  # what a restore that was killed leaves


def lock_of(database: str) -> str:
    """Return the lock of a database: one, by whatever links and relative paths it is named."""
    return f"{os.path.realpath(database)}.service.lock"


class Guard:
    """Holds a database, from entering to leaving the `with` block.

    The file of the lock stays when the service ends: who unlinked it could unlink the lock that
    another one has just taken. What is in it says who holds the lock, for the one who is refused.

    :param database: its path; the lock lies beside the file that it leads to.
    :param also: one more lock to hold, where another program looks for it.
    """

    def __init__(self, database: str, also: str | None = None) -> None:
        self._database = database
        locks = [lock_of(database), *map(lock_of, _other_names(os.path.realpath(database)))]
        self._paths = dict.fromkeys([*locks, *([os.path.realpath(also)] if also else [])])
        self._descriptors: dict[str, int] = {}
        self._about: dict[str, Any] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": get_iso8601_timestamp(),
            "database": os.path.realpath(database),
        }

    def __enter__(self) -> Self:
        try:
            for path in self._paths:
                self._descriptors[path] = self._taken(path)
            self._write()
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def tell(self, url: str) -> None:
        """Say in the lock where the service answers, for the one who is refused."""
        self._about["url"] = url
        self._write()

    def release(self) -> None:
        """Let go of all locks."""
        while self._descriptors:
            _, descriptor = self._descriptors.popitem()
            with suppress(OSError):
                os.ftruncate(descriptor, 0)  # nobody is there any more
            unlock(descriptor)
            os.close(descriptor)

    def _taken(self, path: str) -> int:
        """Return a descriptor that holds the lock; raises `StartRefusedError`."""
        try:
            while True:
                descriptor = os.open(path, _OPEN, 0o600)
                if not try_lock(descriptor):
                    holder = _holder(descriptor)
                    os.close(descriptor)
                    raise DatabaseTakenError(self._told(path, holder))
                if is_the_file_at(descriptor, path):
                    return descriptor
                os.close(descriptor)  # unlinked meanwhile: that is no lock any more
        except OSError as error:
            raise DatabaseRefusedError(
                f"{path} cannot be locked: {error.strerror}; give the service a directory that it "
                "may write, on a file system that knows locks"
            ) from error

    def _told(self, path: str, holder: dict[str, Any]) -> str:
        who = f"process {holder['pid']}" if "pid" in holder else "a process that does not say which"
        where = "".join(
            f", {word} {holder[key]}"
            for key, word in (("host", "on"), ("url", "at"), ("since", "since"))
            if key in holder
        )
        return (
            f"another service has {holder.get('database', self._database)}: {who}{where}; use that "
            f"one, or stop it first (its lock is {path})"
        )

    def _write(self) -> None:
        content = json.dumps(self._about).encode()[:_MOST] + b"\n"
        for descriptor in self._descriptors.values():
            with suppress(OSError):  # a full disk: the lock itself needs no content
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, content)


def _other_names(database: str) -> list[str]:
    """Return what else a database is named in its folder: SQLite has a journal for each name."""
    folder = os.path.dirname(database)
    try:
        own = os.stat(database)
        if own.st_nlink == 1:
            return []
        with os.scandir(folder) as entries:
            same = [one.path for one in entries if one.inode() == own.st_ino and one.is_file()]
    except OSError:  # none yet: what can be wrong with it is said by who opens it
        return []
    return [path for path in same if path != database and not path.endswith(_PASSING)]


def _holder(descriptor: int) -> dict[str, Any]:
    """Return what stands in a lock, each value a short line."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        said = json.loads(os.read(descriptor, _MOST))
    except (OSError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        key: value
        for key, value in said.items()
        if isinstance(value, int) or (isinstance(value, str) and value.isprintable())
    }

"""The lock that says a spool folder has a living owner: held by the kernel, gone with the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class OwnerLock:
    """An exclusive lock on a file, taken without waiting, on a descriptor of its own."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor >= 0

    def acquire(self) -> bool:
        """Take the lock if it is free; false when somebody else holds it.

        Raises `OSError` when the file cannot be opened, or the file system knows no locks.
        """
        descriptor = os.open(self.path, _OPEN, 0o600)
        taken = False
        try:
            taken = _try_lock(descriptor) and self._is_the_file_at_its_path(descriptor)
        finally:
            if not taken:
                os.close(descriptor)
        if taken:
            self._descriptor = descriptor
        return taken

    def release(self) -> None:
        """Let the lock go; whoever shares the descriptor after a fork does not keep it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            _unlock(descriptor)
            os.close(descriptor)

    def remove(self) -> None:
        """Delete the file while the lock is held, then let go."""
        if self.held:
            try:
                os.unlink(self.path)
            finally:
                self.release()

    def abandon(self) -> None:
        """Close a descriptor inherited by fork; the parent's lock stays (close, never unlock)."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def touch(self) -> None:
        """Show that the owner is alive, for those who cannot ask the kernel."""
        os.utime(self.path)

    def _is_the_file_at_its_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


if fcntl is not None:

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

else:
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

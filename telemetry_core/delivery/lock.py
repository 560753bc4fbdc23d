"""The lock that says a spool folder has a living owner: held by the kernel, gone with the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from telemetry_core.locking import is_the_file_at, try_lock, unlock

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
            taken = try_lock(descriptor) and is_the_file_at(descriptor, self.path)
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
            unlock(descriptor)
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

"""Asks the kernel for the lock of an open file: it goes with the process, however that ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path


def is_the_file_at(descriptor: int, path: str | Path) -> bool:
    """Tell whether an open file is still the one at a path; one that was unlinked locks nobody out.

    Raises `OSError` where that cannot be seen.
    """
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


# Not `lockf`: its locks are lost when any descriptor of the file is closed. See docs/decisions/03.
if fcntl is not None:

    def try_lock(descriptor: int) -> bool:
        """Take the lock of an open file without waiting; false when somebody else holds it.

        A forked child that has the descriptor holds the lock too, until one of them calls
        `unlock` or all have closed it. Raises `OSError` where the file system knows no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Let a lock go that `try_lock` took, whoever else has the descriptor. Raises `OSError`."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

else:
    import msvcrt

    _FAR = 1 << 30  # Windows keeps others from reading what is locked: a byte that nobody reads

    def try_lock(descriptor: int) -> bool:
        """Take the lock of an open file without waiting; false when somebody else holds it.

        It moves to the locked byte: who reads or writes with this descriptor says where.
        """
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Let a lock go that `try_lock` took."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

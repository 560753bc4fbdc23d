"""Files that are being written: under a name that says so, private, and gone when given up."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from glob import escape, glob
from tempfile import mkstemp
from typing import TYPE_CHECKING

from telemetry_core import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: what a killed process left stays there
    fcntl = None  # type: ignore[assignment]

_MARK = ".unfinished"


@contextmanager
def unfinished(target: str) -> Iterator[str]:
    """Give the path of an empty file beside the target; at the end it is gone, unless renamed.

    What killed processes left for the same target is removed first. A living one holds a lock
    on its file, so several may write at once.
    """
    for left in glob(f"{escape(target)}.*{_MARK}"):
        _remove_if_left(left)
    descriptor, path = _begun(target)
    try:
        yield path
    finally:
        os.close(descriptor)
        _remove(path)


def is_unfinished(path: str) -> bool:
    """Whether a path is that of a file which is being written."""
    return path.endswith(_MARK)


def finish(path: str, target: str) -> None:
    """Give a finished file its name once the disk has it; raises `FileExistsError` for a taken one."""
    sync_file(path)
    try:
        os.link(path, target)  # unlike a renaming it never takes another file's place
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(f"{target} is there already") from None
        os.rename(path, target)
    sync_directory(os.path.dirname(os.path.abspath(target)))


def finish_over(path: str, target: str) -> None:
    """Put a finished file in the place of whatever bears the name, once the disk has it."""
    sync_file(path)
    os.replace(path, target)
    sync_directory(os.path.dirname(os.path.abspath(target)))


def sync_file(path: str) -> None:
    """Have the disk take the file's content. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _begun(target: str) -> tuple[int, str]:
    """Create a file and lock it: its descriptor, and its path."""
    directory, name = os.path.split(os.path.abspath(target))
    while True:
        descriptor, path = mkstemp(prefix=f"{name}.", suffix=_MARK, dir=directory)
        if fcntl is None:
            return descriptor, path
        with suppress(OSError):  # a file system without flock: then nobody can take it either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # somebody took it for left behind before it was locked


def _remove_if_left(path: str) -> None:
    if fcntl is None:
        return
    with suppress(OSError):  # it is gone, or a living process writes it
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: str) -> None:
    # in this order: what finds the others is the file
    for name in (f"{path}-journal", f"{path}.writer.lock", path):
        with suppress(FileNotFoundError):
            os.unlink(name)

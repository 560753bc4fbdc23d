"""Files as everybody here treats them: private, replaced as a whole, set aside when unreadable."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from io import FileIO
from typing import TYPE_CHECKING

from telemetry_core.clock import get_iso8601_timestamp
from telemetry_core.logs import get_logger

if TYPE_CHECKING:
    from pathlib import Path

logger = get_logger("telemetry_core.files")

PRIVATE = 0o600
DAMAGED = "damaged"  # the folder in base_dir for what nobody can read
# What reading JSON raises that is damaged or not what was written: Infinity is no whole number.
NONSENSE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class AppendFile(FileIO):
    """An unbuffered file for appending that closes itself when its last user lets go."""

    def __del__(self) -> None:
        """Close in silence: a thread that was still writing while the file was changed did this."""
        with suppress(OSError):
            self.close()


def make_private_file(path: str | Path) -> None:
    """Create an empty file for its owner only; one that is there is not touched. Raises `OSError`.

    Not even opened: closing any descriptor of a file drops all POSIX locks that this process has
    on it, and would end another thread's transaction for every other process. For the same
    reason it gets its name only when it is closed.
    """
    create_file(path, b"")


def create_file(path: str | Path, content: bytes) -> None:
    """Create a file for its owner only, whole from the first; one that is there is not touched.

    Raises `OSError`.
    """
    if os.path.lexists(path):
        return
    beside = f"{path}.{os.getpid()}-{threading.get_ident()}.tmp"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
        _give_name(beside, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(beside)


def _give_name(beside: str, path: str | Path) -> None:
    """Name a file where there is none; who was quicker is left alone."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


def replace_file(path: Path, content: bytes, *, synced: bool = False) -> bool:
    """Write a file beside its place and move it there; false when the disk does not take it.

    With `synced` a power loss leaves the old content or the new one, never another.
    """
    beside = f"{path}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        try:
            complete = os.write(descriptor, content) == len(content)
            if synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if complete:
            os.replace(beside, path)
            return True
    except OSError as error:
        logger.debug("cannot write %s: %s", path, error)
    with suppress(OSError):
        os.unlink(beside)
    return False


def set_aside(path: str | Path) -> str:
    """Rename a file that nobody can read, and return its new path. Raises `OSError`.

    The journal of an SQLite database goes first: left alone by a crash between the two, it would
    be played into the database that is begun anew.
    """
    stamp = get_iso8601_timestamp().replace("-", "").replace(":", "")[:15]
    aside = _free_name(f"{path}.corrupt-{stamp}Z")
    with suppress(FileNotFoundError):
        os.replace(f"{path}-journal", f"{aside}-journal")
    os.replace(path, aside)
    return aside


def give_up_file(path: Path, consequence: str, keep_as: Path | None = None) -> None:
    """Set a file aside so that nobody stumbles over it again, and say what that means.

    It stays beside its place, or, where that will be deleted, at `keep_as`.
    """
    try:
        if keep_as is not None:
            os.makedirs(keep_as.parent, 0o700, exist_ok=True)
            os.replace(path, keep_as)
        aside = set_aside(path if keep_as is None else keep_as)
    except OSError as error:
        logger.warning("%s is corrupt and cannot be set aside (%s); %s", path, error, consequence)
    else:
        logger.warning("%s is corrupt; set aside as %s; %s", path, aside, consequence)


def sync_directory(path: str | Path) -> None:
    """Have the disk take a folder's names, where the system can do that. Raises `OSError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders; or we may use this one but not list it
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no such thing
            raise
    finally:
        os.close(descriptor)


def sync_path(directory: str | Path) -> None:
    """Have the disk take a folder's names, and its own, and those of all above it.

    For what must be found again after a power loss, whoever made the folders on the way there.
    Raises `OSError`.
    """
    path = os.path.abspath(directory)
    sync_directory(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
        sync_directory(path)


def _free_name(wanted: str) -> str:
    name, count = wanted, 1
    while os.path.exists(name):
        count += 1
        name = f"{wanted}-{count}"
    return name

"""Appends to files so that what was appended is whole and durable, or not there at all."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry_core import sync_path

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def append_durably(path: Path, data: bytes) -> None:
    """Append all of the data and sync it; on any failure put the file back and raise.

    The caller holds the lock of the directory. An unfinished last line, left by a writer that
    was killed, is ended first, so that it spoils no other line.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, PRIVATE_FILE)
    try:
        before = os.fstat(descriptor).st_size
        if before == 0:
            sync_path(path.parent)  # first: a file that has lines has a lasting name
        elif not _ends_with_line_feed(descriptor, before):
            data = b"\n" + data
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):  # what cannot be cut off is an unfinished line to the next one
                os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make a directory and those above it, private to the user."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(PRIVATE_DIRECTORY, exist_ok=True)


_BINARY = getattr(os, "O_BINARY", 0)


def _ends_with_line_feed(descriptor: int, size: int) -> bool:
    os.lseek(descriptor, size - 1, os.SEEK_SET)  # appending goes to the end all the same
    return os.read(descriptor, 1) == b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    """Write in one go; a disk that took only a part says why when asked for the rest."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

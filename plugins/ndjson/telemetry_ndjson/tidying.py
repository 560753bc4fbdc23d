"""Keeps past days small and few: compresses them, and removes them when they are old."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from telemetry_core import get_logger, sync_directory
from telemetry_ndjson.appending import PRIVATE_FILE
from telemetry_ndjson.writer import day_before, day_of, is_packed, packed

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_ndjson.writer import NDJSONWriter

_log = get_logger("telemetry_core.ndjson")

_CHUNK = 1 << 20


def tidy(writer: NDJSONWriter, compress_after_days: int | None, retention_days: int | None) -> None:
    """Remove and compress what is due; one process at a time, once a day for all of them.

    The day counts as tidied from the beginning, so that a short program that is cut off in a
    large file does not meet the same work at its every start. A file that cannot be dealt with
    stays as it is, with a warning.
    Raises `TimeoutError` while another process tidies, `OSError` when nothing can be done at all.
    """
    now = writer.clock.time_ns()
    # No day comes before "": what is not asked for is never due.
    remove_before = "" if retention_days is None else day_before(now, retention_days)
    compress_up_to = "" if compress_after_days is None else day_before(now, compress_after_days)
    with writer.lock(".tidy.lock", timeout=0):
        if not _claim(writer.directory / ".tidied", day_before(now, 0)):
            return
        for path in writer.list_files():
            try:
                if day_of(path) < remove_before:
                    path.unlink(missing_ok=True)
                elif day_of(path) <= compress_up_to and not is_packed(path):
                    _compress(path, writer)
            except OSError as error:
                _log.warning("%s stays as it is: %s", path, error)


def _claim(stamp: Path, day: str) -> bool:
    if stamp.exists() and stamp.read_bytes() == day.encode():
        return False
    with open(stamp, "wb", opener=_open_private) as file:
        file.write(day.encode())
    return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)


def _compress(path: Path, writer: NDJSONWriter) -> None:
    """Put the compressed file in the place of the plain one, unless it was written to meanwhile."""
    size, trailer = _measure(path)
    target = packed(path)
    draft = target.with_suffix(".gz.draft")
    done_before = _is_intact(target, trailer)  # and then came a crash, before the plain file went
    if not done_before:
        _pack(path, draft, earlier=target)
        if not _is_intact(draft, trailer):
            draft.unlink()
            raise OSError(f"it cannot be compressed; look whether {target.name} is damaged")
    with writer.lock():
        if path.stat().st_size != size:
            draft.unlink(missing_ok=True)
            return
        if not done_before:
            os.replace(draft, target)
            sync_directory(path.parent)
        path.unlink()


def _measure(path: Path) -> tuple[int, bytes]:
    """Return a file's size, and the eight bytes that end its compressed form: CRC and size."""
    import zlib

    size = crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return size, struct.pack("<LL", crc, size & 0xFFFFFFFF)


def _pack(path: Path, draft: Path, *, earlier: Path) -> None:
    """Write what was compressed of this day earlier, if anything, and the file after it."""
    import gzip
    from shutil import copyfileobj

    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with open(descriptor, "wb") as raw:
        if earlier.exists():
            with earlier.open("rb") as before:
                copyfileobj(before, raw, _CHUNK)
        with gzip.GzipFile("", "wb", 1, raw) as member, path.open("rb") as plain:
            copyfileobj(plain, member, _CHUNK)
        raw.flush()
        os.fsync(descriptor)


def _is_intact(path: Path, trailer: bytes) -> bool:
    """Read a compressed file back: every part of it is sound, and the last is the one expected."""
    import gzip
    import zlib

    try:
        with gzip.open(path) as members:
            while members.read(_CHUNK):
                pass
        with path.open("rb") as raw:
            raw.seek(-len(trailer), os.SEEK_END)
            return raw.read() == trailer
    except (OSError, EOFError, zlib.error):
        return False

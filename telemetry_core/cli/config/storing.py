"""Replaces a file that others may be changing at the same moment: one after the other, whole."""

from __future__ import annotations

import codecs
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.errors import ConfigError
from telemetry_core.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PATIENCE = 10.0
_LOOK_EVERY = 0.01


def read_text(data: bytes) -> str:
    """Return a file's text as it is, but for the mark that some editors put before it."""
    return data.decode("utf-8-sig")


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Replace a file's text by what a function makes of it; a link stays one.

    Raises `ConfigError`, and what the function raises; then the file is as it was.
    """
    try:
        target = path.resolve(strict=True)
        with _turn(target):
            before = target.read_bytes()
            mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
            after = mark + change(read_text(before)).encode()
            if after != before:
                _replace(target, after)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None


@contextmanager
def _turn(target: Path) -> Iterator[None]:
    """Wait until nobody else is at a file.

    The lock is on the file itself: who waited for one that was replaced sees that it is not the
    file any more, and looks again.
    """
    lock = OwnerLock(target)
    until = SystemClock.monotonic() + _PATIENCE
    while not lock.acquire():
        if SystemClock.monotonic() > until:
            raise ConfigError(f"{target} is being changed by another program; try again")
        SystemClock.sleep(_LOOK_EVERY)
    try:
        yield
    finally:
        lock.release()


def _replace(target: Path, content: bytes) -> None:
    """Write a file beside its place, with its mode and owner, and move it there."""
    status = target.stat()
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with suppress(FileNotFoundError):  # of a process that was killed and had our id
        os.unlink(beside)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(PermissionError, AttributeError):  # not ours to give away; no owners
            os.chown(beside, status.st_uid, status.st_gid)
        os.chmod(beside, stat.S_IMODE(status.st_mode))
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    sync_directory(target.parent)

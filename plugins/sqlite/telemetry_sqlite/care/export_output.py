"""Writes a file all or not at all, and over no other one."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from telemetry_core import TelemetryError, sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator


class OutputError(TelemetryError):
    """The file that was asked for cannot be written, or should not be."""


@contextmanager
def new_file(target: str, *, force: bool) -> Iterator[BinaryIO]:
    """Give a file to write to; it stands at its place, for its owner only, once all is written.

    Raises `OutputError` where another one is in its place, unless by `force`, and when the disk
    does not take it; then nothing is left of it.
    """
    path = Path(target).expanduser().absolute()
    _look(path, force=force)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _look(path, force=force)
        os.replace(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        raise OutputError(f"{path} was not written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _look(path: Path, *, force: bool) -> None:
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is no file; to write to the standard output: -o -")
    if path.exists() and not force:
        raise OutputError(f"{path} is there already; name another file, or replace it with --force")

"""Writes a file all or not at all, and over no other one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from telemetry_core import TelemetryError
from telemetry_sqlite.care.unfinished import finish, finish_over, unfinished

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
    path = os.path.abspath(os.path.expanduser(target))
    _look(path, force=force)
    try:
        with unfinished(path) as draft:
            with open(draft, "wb") as file:
                yield file
            (finish_over if force else finish)(draft, path)
    except OSError as error:
        raise OutputError(f"{path} was not written: {error.strerror or error}") from error


def _look(path: str, *, force: bool) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"{path} is no file; to write to the standard output: -o -")
    if os.path.exists(path) and not force:
        raise OutputError(f"{path} is there already; name another file, or replace it with --force")

"""The files of the reference client's buffer: which there are, their lines, and what they become."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core import TelemetryError, sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ACTIVE, READY, SYNCED, REFUSED = (
    f".jsonl.{state}" for state in ("active", "ready", "synced", "refused")
)
LONGEST_LINE = 16 << 20


class NoBufferError(TelemetryError):
    """There is nothing to import."""


class Line(NamedTuple):
    """One line and its number; what is longer than any row has no text."""

    number: int
    text: bytes


def find_files(directory: Path, *, again: bool = False) -> list[Path]:
    """Return the files that were not sent, the oldest first.

    :param again: those too that are marked as sent: the reference marked them so whatever the
        service said of their rows.

    Raises `NoBufferError` when there is no such directory.
    """
    if not directory.is_dir():
        raise NoBufferError(
            f"there is no directory {directory}; the reference client buffers in telemetry_buffer,"
            " below the directory that its program was started in"
        )
    states = (READY, ACTIVE, SYNCED) if again else (READY, ACTIVE)
    found = [path for state in states for path in directory.glob(f"*{state}")]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.name)


def taken_from_writer(path: Path) -> Path:
    """Return a file that nobody appends to any more: an active one is closed as its client does.

    The client opens its file by name for each row, so it goes on in a new one.
    """
    if not path.name.endswith(ACTIVE):
        return path
    return _moved(path, READY)


def mark_synced(path: Path) -> Path:
    """Mark a file as sent; one that is marked so stays."""
    return path if path.name.endswith(SYNCED) else _moved(path, SYNCED)


def lines_of(path: Path, start: int = 0) -> Iterator[tuple[Line, int]]:
    """Give each line that is not empty, and where it ends; lines before `start` are passed over."""
    number = 0
    with path.open("rb") as file:
        while text := file.readline(LONGEST_LINE + 1):
            number += 1
            whole = text
            while len(whole) > LONGEST_LINE and not whole.endswith(b"\n"):
                whole = file.readline(LONGEST_LINE + 1) or b"\n"
            if file.tell() > start and text.strip():
                yield Line(number, text.strip() if whole is text else b""), file.tell()


def keep_refused(path: Path, lines: Sequence[bytes]) -> Path | None:
    """Write the refused lines of a file beside it, in place of those of an earlier time.

    Returns the file they are in; nothing, and no such file, when there are none.
    """
    target = path.with_name(_stem(path) + REFUSED)
    if not lines:
        target.unlink(missing_ok=True)
        return None
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    beside.write_bytes(b"".join(line + b"\n" for line in lines))
    beside.replace(target)
    sync_directory(target.parent)
    return target


def _moved(path: Path, state: str) -> Path:
    """Rename a file to another state, to a name that is free."""
    stem = _stem(path)
    for number in count(1):
        target = path.with_name(f"{stem}{f'-{number}' if number > 1 else ''}{state}")
        if target.exists():
            continue
        try:
            os.link(path, target)  # unlike a rename it never takes the place of another file
            path.unlink()
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            path.rename(target)
        sync_directory(path.parent)
        return target
    raise AssertionError  # numbers do not end


def _stem(path: Path) -> str:
    name = path.name
    for state in (ACTIVE, READY, SYNCED):
        name = name.removesuffix(state)
    return name

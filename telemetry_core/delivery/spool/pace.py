"""How fast the folders of living programs are emptied, seen from outside by looking twice."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool.folder import Folder, lock_path
from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError
from telemetry_core.delivery.spool.waiting import lines
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from telemetry_core.clock import Clock


def pace(paths: Iterable[Path], clock: Clock, seconds: float) -> dict[str, float]:
    """Return how many records each sink settles in a second, over all these folders.

    A segment that comes and goes between the two looks is not seen, so that the figure is rather
    too low than too high. A folder that goes meanwhile counts nothing.
    """
    with ExitStack() as stack:
        before = [folder for path in paths if (folder := _look(path, stack)) is not None]
        began = clock.monotonic()
        clock.sleep(seconds)
        settled: Counter[str] = Counter()
        for folder in before:
            after = _look(folder.path, stack)
            if after is not None:
                _add_what_was_deleted(after, folder)
                settled.update({s: _between(folder, after, s) for s in folder.owner.owed})
        taken = max(clock.monotonic() - began, seconds)
    return {sink: number / taken for sink, number in settled.items()}


def _look(path: Path, stack: ExitStack) -> Folder | None:
    """Open a folder with its cursors, and its segments so that they outlive their removal."""
    with suppress(OSError, UnknownFormatError):
        owner = Owner.load(path)
        if owner is not None:
            folder = Folder.open(path, OwnerLock(lock_path(path)), owner)
            stack.callback(folder.close)
            for segment in folder.all_segments():
                segment.read(0, 1)
            for sink in owner.owed:
                folder.cursor(sink)
            return folder
    return None


def _add_what_was_deleted(after: Folder, before: Folder) -> None:
    """Let the later look read deleted segments through the descriptors of the first one."""
    for lane in Lane:
        after.segments[lane] = {**after.segments[lane], **before.segments[lane]}


def _between(before: Folder, after: Folder, sink: str) -> int:
    """Count what a sink settled between two looks at a folder."""
    was, now = before.cursor(sink), after.cursor(sink)
    return sum(
        sum(1 for _, end in lines(after, lane, was.positions[lane]) if end <= now.positions[lane])
        + len(now.settled[lane])
        - len(was.settled[lane])
        for lane in Lane
    )

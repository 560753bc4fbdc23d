"""Whether something waits in the spool for nobody, and what was given up."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import ok, warn
from telemetry_core.cli.places import dead_letters_of, folders_of
from telemetry_core.complaints import counted
from telemetry_core.files import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.spool.survey import FolderView
    from telemetry_core.records import Finding

_MOST_NAMED = 1000


def spool(config: TelemetryConfig) -> Iterator[Finding]:
    """Say what waits, what is left of programs that have ended, and what nobody can read."""
    views = folders_of(config)
    yield from _folders(views)
    yield from _damaged(config.base_dir)
    yield from _dead(config)


def _folders(views: list[FolderView]) -> Iterator[Finding]:
    for view in views:
        if view.problem:
            what = f"{view.path} cannot be read: {view.problem}"
            yield warn(view.path.name, what, "a newer version may read it; else move it away")
    orphans = [view for view in views if not view.alive and not view.problem]
    waiting = sum(view.pending for view in views if view.alive)
    if orphans:
        left = counted(sum(view.pending for view in orphans), "record")
        what = f"{counted(len(orphans), 'program')} ended and left {left}"
        yield warn("orphans", what, "telemetry flush")
    yield ok("waiting", f"{counted(waiting, 'record')} of living programs on the way")


def _damaged(base: Path) -> Iterator[Finding]:
    """Say which files were set aside because nobody could read them."""
    aside = [path for path in (base / DAMAGED).glob("*") if path.is_file()]
    aside += [path for path in islice(base.glob("**/*.corrupt*"), _MOST_NAMED) if path not in aside]
    if aside:
        what = f"{counted(len(aside), 'damaged file')} set aside, the first: {aside[0]}"
        yield warn("damaged", what, "look at them, then delete them")


def _dead(config: TelemetryConfig) -> Iterator[Finding]:
    for sink, number in dead_letters_of(config).count().items():
        what = f"{counted(number, 'record')} that {sink} will never accept"
        yield warn(f"dead_letters.{sink}", what, f"telemetry dlq list --sink {sink}")

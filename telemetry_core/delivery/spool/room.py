"""Keeps the spool within its bounds: the oldest standard segments go first, counted."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from telemetry_core.delivery.spool.segment import parse_segment_name
from telemetry_core.logs import get_logger
from telemetry_core.records import Lane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from telemetry_core.delivery.spool.folder import Folder

logger = get_logger("telemetry_core.spool")


def make_room(spool: Path, held: Sequence[Folder], max_bytes: int) -> None:
    """Drop old segments until each lane of the whole spool is within its bound.

    Only folders whose lock we hold are touched, adopted ones (which come first) before our own,
    and never the segment that is being written. Critical records have a bound of their own.
    """
    totals = bytes_by_lane(spool)
    for lane in (Lane.STANDARD, Lane.CRITICAL):
        excess = totals[lane] - max_bytes
        while excess > 0:
            freed = _drop_one(lane, held)
            if not freed:
                break
            excess -= freed


def _drop_one(lane: Lane, held: Sequence[Folder]) -> int:
    for folder in held:
        before = folder.lost.total()
        freed = folder.drop_oldest(lane, keep=1)
        if freed:
            logger.log(
                logging.WARNING if len(folder.dropped) == 1 else logging.DEBUG,
                "the spool is full: the oldest %s segment of %s was dropped, %d records lost; "
                "raise delivery.max_bytes or look why a sink does not deliver (said once a folder)",
                lane.value,
                folder.path.name,
                folder.lost.total() - before,
            )
            return freed
    return 0


def bytes_by_lane(spool: Path) -> dict[Lane, int]:
    """Sum the segments of all folders, whoever holds them."""
    totals = dict.fromkeys(Lane, 0)
    for directory, _folders, names in os.walk(spool):
        for name in names:
            parsed = parse_segment_name(name)
            if parsed is not None:
                try:
                    totals[parsed[0]] += os.stat(os.path.join(directory, name)).st_size
                except OSError:
                    continue  # deleted by its owner meanwhile
    return totals

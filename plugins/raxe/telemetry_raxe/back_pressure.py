"""The back-pressure rule: of what comes often, the fuller the queue, the less is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

from telemetry_raxe.event_types import CRITICAL

if TYPE_CHECKING:
    from collections.abc import Mapping

CRITICAL_SIZE, STANDARD_SIZE = 10_000, 50_000
OFTEN = frozenset({"scan", "feature_usage", "heartbeat"})

# From which fill on how many of a thousand are kept.
_KEPT = ((1.0, 0), (0.9, 200), (0.8, 500))
_TAIL = re.compile(r"[0-9a-fA-F]{8}\Z")


def is_kept(event: Mapping[str, Any], fill: float) -> bool:
    """Tell whether an event is kept, as a critical one always is; the same one always fares the same.

    :param fill: how full the standard lane is, 1 for one without room.
    """
    if event.get("priority") == CRITICAL or event.get("event_type") not in OFTEN:
        return True
    kept = next((kept for least, kept in _KEPT if fill >= least), 1000)
    return kept == 1000 or _lot(str(event.get("event_id"))) < kept  # noqa: PLR2004


def fill_of(critical: int, standard: int, sizes: tuple[int, int]) -> float:
    """Return how full the standard lane is.

    Critical events for which their own lane has no room take that of standard ones.

    :param sizes: how many events the critical lane holds, and how many the standard one.
    """
    room, size = sizes
    return (standard + max(0, critical - room)) / size if size > 0 else 1.0


def _lot(event_id: str) -> int:
    """Return a number below a thousand that belongs to an id: RAXE's, where the id ends in hex."""
    found = _TAIL.search(event_id)
    return (int(found[0], 16) if found else crc32(event_id.encode())) % 1000

"""The back-pressure rule: of what comes often, the fuller the queue, the less is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

OFTEN = frozenset({"scan", "feature_usage", "heartbeat"})

# From which fill on how many of a thousand are kept.
_KEPT = ((1.0, 0), (0.9, 200), (0.8, 500))
_TAIL = re.compile(r"[0-9a-fA-F]{8}\Z")


def is_kept(event: Mapping[str, Any], fill: float) -> bool:
    """Tell whether a standard event is kept; the same one always fares the same.

    :param fill: how full its lane is, 1 for one without room.
    """
    if event.get("event_type") not in OFTEN:
        return True
    kept = next((kept for least, kept in _KEPT if fill >= least), 1000)
    return kept == 1000 or _lot(str(event.get("event_id"))) < kept  # noqa: PLR2004


def _lot(event_id: str) -> int:
    """Return a number below a thousand that belongs to an id: RAXE's, where the id ends in hex."""
    found = _TAIL.search(event_id)
    return (int(found[0], 16) if found else crc32(event_id.encode())) % 1000

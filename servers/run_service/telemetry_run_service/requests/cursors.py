"""Writes the place where a page ended as a text that a client hands back, and reads it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from telemetry_sqlite.listing import Place

_read = msgspec.json.Decoder(tuple[str, int]).decode


def cursor_of(place: Place) -> str:
    """Return a place as a text; what is in it is nobody's business but ours."""
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def place_of(cursor: str) -> Place:
    """Return the place that a text stands for; raises `ValueError` for a text that is not ours."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        moment, row = _read(urlsafe_b64decode(padded))
    except (ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"not a cursor: {cursor!r}") from error
    if not 0 <= row < 1 << 63:
        raise ValueError(f"not a cursor: {cursor!r}")
    return moment, row

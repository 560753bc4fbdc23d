"""How what is in a database reads to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def counted(rows: Mapping[str, int]) -> str:
    """Return numbers of rows by the plural of their name as `1 run, 340 events`."""
    return ", ".join(
        f"{number:,} {name.removesuffix('s') if number == 1 else name}"
        for name, number in rows.items()
    )

"""What installed distributions offer by entry point, also when one of them is damaged."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def offered(group: str) -> tuple[list[EntryPoint], list[str]]:
    """Return what is offered in a group, and the distributions whose offers cannot be read."""
    from importlib.metadata import distributions, entry_points

    with suppress(Exception):  # one damaged file, whosesoever, keeps all from being read at once
        return list(entry_points(group=group)), []
    found: dict[str, list[EntryPoint]] = {}
    unreadable = []
    for distribution in distributions():
        name = distribution.name
        if name in found:  # Python imports the first one of a name
            continue
        try:
            found[name] = [*distribution.entry_points.select(group=group)]
        except Exception:
            found[name] = []
            unreadable.append(name)
    return [offer for offers in found.values() for offer in offers], unreadable

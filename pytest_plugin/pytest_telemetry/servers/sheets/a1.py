"""A1 notation: `'My runs'!A1:Z`, read and written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define

from pytest_telemetry.servers.sheets.answers import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

_LETTERS = 26
_PLACE = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<bare>[^\W\d]\w*))(?:!(?P<area>.+))?")
_CORNER = re.compile(r"\$?([A-Za-z]{1,3})?(?:\$?([1-9][0-9]{0,6}))?")
_BARE = re.compile(r"[^\W\d]\w*")


@define(frozen=True)
class Area:
    """Cells of a tab: from the top left one to before an end, or as far as the tab goes."""

    top: int = 0
    left: int = 0
    bottom: int | None = None
    right: int | None = None

    def written(self, title: str) -> str:
        """Return it in A1 notation; both ends are known."""
        first = f"{letters(self.left)}{self.top + 1}"
        last = f"{letters((self.right or 1) - 1)}{self.bottom}"
        return f"{quoted(title)}!{first if first == last else f'{first}:{last}'}"


def located(text: str, titles: Sequence[str]) -> tuple[str, Area]:
    """Return the tab and the cells that a range means; without a tab the first is meant."""
    place = _PLACE.fullmatch(text)
    if place is not None:
        title = (place["quoted"] or place["bare"]).replace("''", "'")
        area = Area() if place["area"] is None else _area(place["area"])
        if title in titles and area is not None:
            return title, area
        if place["quoted"] or place["area"]:
            raise _unreadable(text)
    area = _area(text)
    if area is None:
        raise _unreadable(text)
    return titles[0], area


def quoted(title: str) -> str:
    """Return the name of a tab as it stands in a range."""
    if _BARE.fullmatch(title) and _area(title) is None:
        return title
    return "'" + title.replace("'", "''") + "'"


def letters(column: int) -> str:
    """Return the name of a column: A for 0, AA for 26."""
    before, last = divmod(column, _LETTERS)
    return (letters(before - 1) if before else "") + chr(ord("A") + last)


def _area(text: str) -> Area | None:
    """Return the cells of `B2`, `B2:D4`, `B:D`, `2:4` or `B2:D`, if it is any of these."""
    corners = [_CORNER.fullmatch(corner) for corner in text.split(":")]
    found = [corner.groups() for corner in corners if corner is not None and corner[0]]
    if len(found) != len(corners) or len(found) > 2:  # noqa: PLR2004 - from one corner to the other
        return None
    if len(found) == 1:
        found *= 2
        if None in found[0]:
            return None
    left, right = _span([_number(column) for column, _ in found if column])
    top, bottom = _span([int(row) for _, row in found if row])
    return Area(top, left, bottom, right)


def _span(given: list[int]) -> tuple[int, int | None]:
    """Return first and end; what only one corner names has no end."""
    return min(given, default=1) - 1, max(given) if len(given) > 1 else None


def _number(column: str) -> int:
    number = 0
    for letter in column.upper():
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number


def _unreadable(text: str) -> Refused:
    return Refused(400, f"Unable to parse range: {text}")

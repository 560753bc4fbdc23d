"""What was recorded instead of what a test expected, the nearest first, in words and never long."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 5
_LONGEST = 100
_BEFORE = 20  # characters shown before the place where two long values differ
_COMPARED = 200
_MISSING = object()


class Likeness(NamedTuple):
    """One thing that was recorded, and how far it is from what was expected."""

    title: str
    differences: tuple[str, ...]
    distance: float

    @classmethod
    def of(cls, title: str, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> Likeness:
        """Compare what a thing holds with what was wanted, name by name."""
        pairs = {name: (held.get(name, _MISSING), value) for name, value in wanted.items()}
        apart = {name: pair for name, pair in pairs.items() if not _equal(*pair)}
        words = tuple(_difference(name, *pair) for name, pair in apart.items())
        return cls(title, words, sum(distance(*pair) for pair in apart.values()))


def holds(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether something holds all that is wanted."""
    return all(_equal(held.get(name, _MISSING), value) for name, value in wanted.items())


def _equal(held: Any, wanted: Any) -> bool:
    """Tell whether something is held at all and equals what is wanted."""
    return held is not _MISSING and bool(held == wanted)


def distance(held: Any, wanted: Any) -> float:
    """Return how far two unequal values are apart: from a half for similar texts to one."""
    if not (isinstance(held, str) and isinstance(wanted, str)):
        return 1.0
    return 1.0 - SequenceMatcher(None, held[:_COMPARED], wanted[:_COMPARED]).quick_ratio() / 2


def report(wanted: str, kind: str, recorded: Sequence[Likeness]) -> str:
    """Say that nothing of a kind is what was wanted, and what is nearest to it."""
    if not recorded:
        return f"no {kind} {wanted}: nothing of the kind was recorded"
    nearest = sorted(recorded, key=lambda one: one.distance)[:_SHOWN]
    count = len(recorded)
    lines = [f"no {kind} {wanted}; {count} recorded{', the nearest' if count > 1 else ''}:"]
    for one in nearest:
        lines += [f"  {one.title}", *(f"    {difference}" for difference in one.differences)]
    if count > len(nearest):
        lines.append(f"  … and {count - len(nearest)} more")
    return "\n".join(lines)


def items(values: Mapping[str, Any]) -> str:
    """Return what was wanted as it stands in the call."""
    return ", ".join(f"{name}={short(value)}" for name, value in values.items()) or "anything"


def short(value: object) -> str:
    """Return how a value is written, with a gap in the middle when that is long."""
    text = repr(value)
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


def _difference(name: str, held: Any, wanted: Any) -> str:
    if held is _MISSING:
        return f"{name} is missing, not {short(wanted)}"
    here, there = repr(held), repr(wanted)
    same = next((place for place, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), 0)
    first = max(same - _BEFORE, 0)
    if max(len(here), len(there)) <= _LONGEST or not first:
        return f"{name} is {short(held)}, not {short(wanted)}"
    last = first + _LONGEST
    return f"{name} is …{here[first:last]}…, not …{there[first:last]}…"

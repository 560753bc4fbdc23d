"""The tables that compare us with other systems, rendered from what `--peers` measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.contender import title
from tests.chaos.peers.cells import OURS, TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Said = Mapping[str, Any]


def title_of(name: str) -> str:
    """Return what a system's column is called."""
    return "**ours**" if name == OURS else title(name)


def whole(cells: Sequence[Said]) -> str:
    """Return the table of all that was measured."""
    return _table(cells, _in_full)


def short(cells: Sequence[Said]) -> str:
    """Return the table of how many arrived in the end."""
    return _table(cells, lambda said: f"{said['later']}")


def _table(cells: Sequence[Said], text: Callable[[Said], str]) -> str:
    systems = dict.fromkeys(said["system"] for said in cells)
    situations = dict.fromkeys(said["situation"] for said in cells)
    found = {(said["situation"], said["system"]): text(said) for said in cells}
    lines = [[f"of {TOLD} events", *map(title_of, systems)], ["---"] * (1 + len(systems))]
    lines += [[one, *(found.get((one, system), "") for system in systems)] for one in situations]
    return "\n".join(map(_line, lines))


def _in_full(said: Said) -> str:
    arrived = [f"{said['delivered']}"]
    arrived += [f"then {said['later']}"] * (said["later"] > said["delivered"])
    arrived += [f"{said['twice']} twice"] * bool(said["twice"])
    return f"{', '.join(arrived)}; {_seconds(said['seconds'])}"


def _seconds(seconds: float | None) -> str:
    return "does not end" if seconds is None else f"{seconds:.1f} s"


def _line(columns: Iterable[str]) -> str:
    return f"| {' | '.join(columns)} |"

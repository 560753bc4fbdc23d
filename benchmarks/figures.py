"""What a run has measured: stored, read again, and compared with another run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from attrs import asdict, define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MOVED = 1.25  # a ratio that is so many times another has moved
_LOAD = ", load before "  # what differs between two runs on one machine


@define
class Figures:
    """Every figure of every repeat of every case, and what could not be measured.

    :ivar machine: the line that says where.
    :ivar measured: by case, `section.case`, the figures of each repeat.
    :ivar failed: the cases that failed, and with what words.
    :ivar absent: the contenders that could not be installed, and why.
    :ivar interrupted: whether somebody ended it before all was measured.
    """

    machine: str
    measured: dict[str, list[dict[str, float]]] = field(factory=dict)
    failed: dict[str, str] = field(factory=dict)
    absent: dict[str, str] = field(factory=dict)
    interrupted: bool = False

    @property
    def repeats(self) -> int:
        """How often a case was measured, at most: a run may have been interrupted."""
        return max(map(len, self.measured.values()), default=0)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what was stored."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def text(self) -> str:
        """Return it as it is stored; a figure keeps four digits, which is more than it deserves."""
        return json.dumps(_rounded(asdict(self)), indent=1, ensure_ascii=False) + "\n"

    def only(self, keep: Callable[[str], bool]) -> Figures:
        """Return what is of the cases that are to be kept."""
        measured = {case: rounds for case, rounds in self.measured.items() if keep(case)}
        failed = {case: why for case, why in self.failed.items() if keep(case)}
        return Figures(self.machine, measured, failed, self.absent, self.interrupted)

    def over(self, older: Figures) -> Figures:
        """Return these, and of an older run what was not measured again.

        Raises `ValueError` when that was on another machine: its figures do not belong beside
        these.
        """
        if older.machine.partition(_LOAD)[0] != self.machine.partition(_LOAD)[0]:
            raise ValueError("what is stored was measured on another machine: measure everything")
        again = self.measured.keys() | self.failed.keys()
        kept = {case: why for case, why in older.failed.items() if case not in again}
        return Figures(
            self.machine,
            {**_without(older.measured, again), **self.measured},
            {**kept, **self.failed},
            self.absent or older.absent,
        )


@define(frozen=True)
class Move:
    """A ratio that a second run found to be another."""

    what: str
    before: float
    after: float

    @property
    def times(self) -> float:
        """How many times the smaller the larger is."""
        least, most = sorted((self.before, self.after))
        return most / least if least > 0 else float("inf")


def moves(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Move]:
    """Give the ratios that are in both runs and differ by more than a quarter."""
    for what in before.keys() & after.keys():
        move = Move(what, before[what], after[what])
        if before[what] != after[what] and move.times > MOVED:
            yield move


def _without(measured: Mapping[str, Any], cases: set[str]) -> dict[str, Any]:
    return {case: figures for case, figures in measured.items() if case not in cases}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) and value % 1 else value

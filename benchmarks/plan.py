"""Which cases are measured, and in what order: all of them once, then all of them again."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define

from benchmarks.cases import LIMIT, CaseError, run_case
from benchmarks.figures import Figures
from benchmarks.machine import describe
from benchmarks.peers.environments import environments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from types import ModuleType

SECTIONS = (
    "floor",
    "hot_path",
    "end_to_end",
    "run_tracking",
    "spooling",
    "sqlite_delivery",
    "run_service",
    "posthog",
    "starting",
    "exiting",
    "memory",
    "growth",
    "killing",
)
FLOOR = "floor"


@define(frozen=True)
class Case:
    """One case of one section.

    :ivar needs: the contender whose environment it runs in, or nothing for our own.
    :ivar once: whether it is long and steady, and measured in the first round only.
    :ivar limit: the seconds after which it counts as failed.
    """

    section: str
    name: str
    needs: str | None
    once: bool = False
    limit: float = LIMIT

    def __str__(self) -> str:
        """Return what its figures are stored under."""
        return f"{self.section}.{self.name}"


def section(name: str) -> ModuleType:
    """Return the module of a section."""
    return import_module(f"benchmarks.sections.{name}")


def cases(sections: Iterable[str], *, peers: bool) -> list[Case]:
    """Return the cases of sections, the floor's always among them, since ratios are to it."""
    chosen = [name for name in SECTIONS if name == FLOOR or name in set(sections)]
    found = []
    for name in chosen:
        module = section(name)
        needs: Mapping[str, str] = getattr(module, "NEEDS", {})
        once: Collection[str] = getattr(module, "ONCE", ())
        limits: Mapping[str, float] = getattr(module, "LIMITS", {})
        found += [
            Case(name, case, needs.get(case), case in once, limits.get(case, LIMIT))
            for case in module.CASES
        ]
    return [case for case in found if peers or case.needs is None]


def measure(
    chosen: list[Case], repeats: int, directory: str | None, say: Callable[[str], object]
) -> Figures:
    """Measure cases so many times, interleaved: a noisy minute hits all of them alike.

    A case that fails is told so and not tried again; the others go on. An interrupt ends it with
    what there is.
    """
    figures = Figures(describe())
    needed = dict.fromkeys(case.needs for case in chosen if case.needs)
    since = monotonic()
    say(f"environments: {', '.join(needed) or 'none'}")
    try:
        with environments(needed, directory) as absent:
            figures.absent = dict(absent)
            there = [case for case in chosen if case.needs not in absent]
            for number, case in product(range(repeats), there):
                if str(case) not in figures.failed and not (number and case.once):
                    say(f"{monotonic() - since:4.0f} s  round {number + 1} of {repeats}  {case}")
                    _measure(case, figures, say)
    except KeyboardInterrupt:
        figures.interrupted = True
    say(f"{monotonic() - since:4.0f} s  {'interrupted' if figures.interrupted else 'done'}")
    return figures


def _measure(case: Case, figures: Figures, say: Callable[[str], object]) -> None:
    try:
        found: dict[str, Any] = run_case(case.section, case.name, case.limit)
    except CaseError as error:
        figures.failed[str(case)] = str(error)
        say(f"        failed: {error}")
    else:
        figures.measured.setdefault(str(case), []).append(found)

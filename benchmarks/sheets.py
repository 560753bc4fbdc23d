"""Where figures are stored: a file for what is of one machine, and the pages that show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from benchmarks.figures import Figures
from benchmarks.plan import SECTIONS
from benchmarks.report import short, whole
from benchmarks.tables_in_docs import put

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "performance.md"
_FLOOR, _SERVICE, _POSTHOG = "floor", "run_service", "posthog"


@define(frozen=True)
class Sheet:
    """Figures that are stored together.

    :ivar sections: what it is of.
    :ivar pages: each page, the name of its table, and what renders that.
    :ivar peers: whether other systems are measured in it.
    """

    stored: Path
    sections: frozenset[str]
    pages: tuple[tuple[Path, str, Callable[[Figures], str]], ...]
    peers: bool = True

    def is_of(self, case: str) -> bool:
        """Tell whether a case belongs to it."""
        return case.partition(".")[0] in self.sections

    def write(self, figures: Figures, *, peers: bool) -> None:
        """Store what was measured of it, and show it; nothing when that is the floor alone.

        What was not measured again stays, if it is of the same machine.
        """
        ours = figures.only(self.is_of)
        measured = {case.partition(".")[0] for case in ours.measured}
        if measured <= {_FLOOR}:
            return
        if measured < self.sections or (self.peers and not peers):
            ours = ours.over(Figures.read(self.stored))
        self.stored.parent.mkdir(exist_ok=True)
        self.stored.write_text(ours.text(), encoding="utf-8")
        self.show()

    def show(self) -> None:
        """Put its tables into the pages."""
        stored = Figures.read(self.stored)  # what a test will render again
        for page, name, render in self.pages:
            put(page, name, render(stored))


SYSTEMS = Sheet(
    _ROOT / "docs" / "figures" / "benchmarks.json",
    frozenset(SECTIONS) - {_SERVICE, _POSTHOG},
    (
        (_PAGE, "benchmarks, whole", whole),
        (_ROOT / "README.md", "benchmarks, short", short),
    ),
)
RUN_SERVICE = Sheet(
    _ROOT / "docs" / "figures" / "run_service.json",
    frozenset({_FLOOR, _SERVICE}),
    ((_PAGE, "benchmarks, run service", whole),),
    peers=False,
)
POSTHOG = Sheet(
    _ROOT / "docs" / "figures" / "posthog.json",
    frozenset({_FLOOR, _POSTHOG}),
    ((_PAGE, "benchmarks, posthog", whole),),
)
SHEETS = (SYSTEMS, RUN_SERVICE, POSTHOG)

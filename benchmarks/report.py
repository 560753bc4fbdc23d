"""What was measured as Markdown: the whole of it, and the short table of the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import OTHERS, title
from benchmarks.plan import SECTIONS, section
from benchmarks.table import markdown, results

if TYPE_CHECKING:
    from benchmarks.figures import Figures
    from benchmarks.table import Result, Row

LEGEND = (
    "`x` is how many times the figure of **ours**, one remote: where less is better, more than 1x is"
    " worse than ours; of events/s, less than 1x is."
)
HOW_TO_READ = (
    "Lines with `…` go on about the one above. *Of the floor* is how many times a line takes what the"
    " machine itself asks for the same; a budget is what was promised before it was measured."
)
ALONE = 3  # blocks, where no system stands beside another

SHORT = Comparison(
    "Ours beside others",
    {title(name): name for name in ("ours_remote", "ours_local", *OTHERS)},
    (
        Column("a call, p50 µs", "hot_path", "burst_p50_us"),
        Column("4 threads, p99 µs", "hot_path", "threads_p99_us", multiple=False),
        Column("events/s", "end_to_end", "per_second"),
        Column("CPU, ms a thousand", "end_to_end", "cpu_ms"),
        Column("peak, MB", "end_to_end", "peak_mb"),
        Column("import, ms", "starting", "import_ms"),
        Column("exit, hung remote, s", "exiting", "hung_s", multiple=False),
        Column("lost of 50 000", "end_to_end", "lost", multiple=False),
    ),
)


def whole(figures: Figures) -> str:
    """Return everything: the machine, what is promised, systems side by side, what failed."""
    blocks = [f"Measured on {figures.machine}; {_how_often(figures)}.", markdown(promised(figures))]
    blocks.append(HOW_TO_READ)
    for comparison in comparisons():
        table = comparison.markdown(figures.measured, figures.failed)
        if table.count("\n") > 1:
            blocks += [f"**{comparison.title}**", table]
            blocks += [comparison.words] if comparison.words else []
    if len(blocks) > ALONE:
        blocks.append(LEGEND)
    return "\n\n".join([*blocks, *_missing(figures)])


def short(figures: Figures) -> str:
    """Return a line a system, medians only."""
    table = SHORT.markdown(figures.measured, figures.failed, spreads=False)
    return "\n\n".join([table, LEGEND, f"Measured on {figures.machine}.", *_missing(figures)])


def promised(figures: Figures) -> list[Result]:
    """Return what was measured beside what was promised."""
    return results(_rows(), figures.measured, figures.failed)


def comparisons() -> list[Comparison]:
    """Return the side-by-side tables of all sections."""
    return [table for name in SECTIONS for table in getattr(section(name), "COMPARISONS", ())]


def ratios(figures: Figures, *, settled: bool = False) -> dict[str, float]:
    """Return what a second run should find about the same, by what it is of.

    Multiples of ours, of the floor and of a figure of the same case; no time and no size, which
    another machine, or a slow hour of this one, finds otherwise.

    :param settled: only those of figures whose rounds agree: of others nobody could say that they
        moved.
    """
    found = {
        f"{result.row.case}.{result.row.figure}": result.ratio
        for result in promised(figures)
        if result.ratio is not None and (result.settled or not settled)
    }
    for comparison in comparisons():
        found.update(comparison.multiples(figures.measured, settled=settled))
    return found


def _rows() -> list[Row]:
    return [row for name in SECTIONS for row in getattr(section(name), "ROWS", ())]


def _how_often(figures: Figures) -> str:
    if figures.repeats < 2:
        return "each case once"
    return f"medians of {figures.repeats} rounds, least and most beside them; long cases once"


def _missing(figures: Figures) -> list[str]:
    """Return what is not in the tables, and why."""
    absent = [
        f"{title(name)} could not be installed: {why}" for name, why in figures.absent.items()
    ]
    failed = [f"`{case}` failed: {why}" for case, why in figures.failed.items()]
    return [*absent, *failed, *["Interrupted: not everything was measured."] * figures.interrupted]

"""Measures speed, cost and scale, ours beside the peers, and prints it beside what was promised."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks.figures import Figures, moves
from benchmarks.plan import SECTIONS, cases, measure
from benchmarks.report import promised, ratios, whole
from benchmarks.sheets import SHEETS, SYSTEMS


def main() -> int:
    """Measure, print, and return 1 when a budget is not met or a case failed."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no case is left behind
    if options.stored:
        figures = Figures.read(SYSTEMS.stored)
    else:
        chosen = cases(options.sections, peers=options.peers)
        figures = measure(chosen, options.repeats, options.environments, _say)
    _print(figures, options.json)
    if options.against:
        _compare(Figures.read(options.against), figures)
    if options.write and figures.interrupted:
        _say("interrupted: nothing is written")
    elif options.write:
        for sheet in SHEETS:
            if options.stored:
                sheet.show()
            else:
                sheet.write(figures, peers=options.peers)
    unfinished = figures.interrupted or bool(figures.failed)
    return int(unfinished or any(row.met is False for row in promised(figures)))


def _print(figures: Figures, json: str | None) -> None:
    if json == "-":
        print(figures.text(), end="")
        return
    print(whole(figures))
    if json:
        Path(json).write_text(figures.text(), encoding="utf-8")


def _compare(before: Figures, after: Figures) -> None:
    known, found = ratios(before), ratios(after)
    moved = sorted(moves(known, found), key=lambda move: -move.times)
    settled = ratios(before, settled=True).keys() & ratios(after, settled=True).keys()
    _say(f"\n{len(known.keys() & found.keys())} ratios compared, {len(moved)} moved by over 25 %")
    for move in moved:
        unsure = "" if move.what in settled else " (so do the rounds of one run, or it has but one)"
        _say(f"  {move.what}: {move.before:.3g} → {move.after:.3g}{unsure}")
    firmly = sum(move.what in settled for move in moved)
    _say(f"{len(settled)} have rounds that agree in both runs; of these {firmly} moved")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("sections", nargs="*", default=SECTIONS, help=f"of {', '.join(SECTIONS)}; all without")
    add("--repeats", type=int, default=3, help="how often each case is measured (3)")
    add("--json", metavar="FILE", help="store every figure as JSON; - prints it instead")
    add(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether other systems are installed, in environments of their own, and measured",
    )
    add("--environments", metavar="DIR", help="keep those environments here and use them again")
    add("--against", type=Path, metavar="FILE", help="say which ratios differ from that run's")
    add(
        "--write",
        action="store_true",
        help="store the figures, those of the other sections kept, and put them into the pages",
    )
    add("--stored", action="store_true", help="measure nothing: take what is stored")
    options = parser.parse_args()
    unknown = set(options.sections).difference(SECTIONS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())

"""Runs the sections and prints what was measured beside what was promised."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from subprocess import CalledProcessError, TimeoutExpired

from benchmarks.cases import run_case
from benchmarks.machine import describe
from benchmarks.table import markdown, results

SECTIONS = ("floor", "hot_path", "spooling", "sqlite_delivery", "starting", "growth")


def main() -> int:
    """Measure, print, and return 1 when a budget is not met or a case failed."""
    options = _options()
    modules = {name: import_module(f"benchmarks.sections.{name}") for name in SECTIONS}
    chosen = ["floor", *(name for name in options.sections if name != "floor")]
    cases = [(name, case) for name in chosen for case in modules[name].CASES]
    measured: dict[str, list[dict[str, float]]] = {}
    failed: list[str] = []
    machine = describe()
    for number in range(options.repeats):  # interleaved: a noisy minute hits all cases alike
        for section, case in cases:
            print(f"{number + 1}/{options.repeats} {section}.{case}", file=sys.stderr)
            try:
                figures = run_case(section, case)
            except (CalledProcessError, TimeoutExpired) as error:
                failed.append(f"{section}.{case}: {error}")
            else:
                measured.setdefault(f"{section}.{case}", []).append(figures)
    found = results([row for name in chosen for row in modules[name].ROWS], measured)
    if options.json:
        print(
            json.dumps(
                {"machine": machine, "rows": [r.to_dict() for r in found], "failed": failed},
                indent=2,
            )
        )
    else:
        print("\n\n".join([machine, markdown(found), *failed]))
    return int(bool(failed) or any(result.met is False for result in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", default=SECTIONS, help=f"of {', '.join(SECTIONS)}; all without"
    )
    parser.add_argument("--repeats", type=int, default=3, help="how often each case is measured")
    parser.add_argument("--json", action="store_true", help="print every value as JSON")
    options = parser.parse_args()
    unknown = set(options.sections).difference(SECTIONS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())

"""What became of every record in every case: stored, and rendered into the pages."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.tables_in_docs import put
from tests.chaos.account import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "figures" / "chaos.json"
WHOLE, SHORT = "chaos, whole", "chaos, short"
PAGES = {WHOLE: ROOT / "docs" / "reliability.md", SHORT: ROOT / "README.md"}
GROUPS = {  # in the order of the page
    "killed": "a program is killed with SIGKILL",
    "ended": "a program ends, one way or another",
    "power cut": "the power is cut",
    "together": "programs share a directory",
    "poison": "a record that cannot be taken",
    "remote": "the remote fails",
    "forks": "a process forks",
    "processes": "processes of many kinds",
    "shutdown": "the interpreter shuts down",
    "threads": "threads run out",
    "disk": "the disk is full",
    "folder": "the folder changes under the program",
    "clock": "the clock is set",
}

Case = dict[str, Any]
NAMES = ("case", "group", "sink", "file")


def load() -> list[Case]:
    """Return what is stored, case by case."""
    found: list[Case] = json.loads(STORED.read_text("utf-8")) if STORED.exists() else []
    return found


def store(said: Iterable[Case], *, all_of_their_files: bool) -> None:
    """Put cases in the place of what is stored of them, and render the pages.

    :param all_of_their_files: whether they are all that their files have: the rest is no more.
    """
    new = {(case["case"], case["sink"]): case for case in said}
    files = {case["file"] for case in new.values()}
    kept = {(case["case"], case["sink"]): case for case in load()}
    if all_of_their_files:
        kept = {key: case for key, case in kept.items() if case["file"] not in files}
    cases = sorted((kept | new).values(), key=_place)
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name, table in tables(cases).items():
        put(PAGES[name], name, table)


def tables(cases: list[Case]) -> dict[str, str]:
    """Return the Markdown of each table by the name of its markers."""
    return {WHOLE: _whole(cases), SHORT: _short(cases)}


def summed(cases: Iterable[Mapping[str, Any]], names: tuple[str, ...]) -> list[Case]:
    """Add up the figures of cases that agree in these names, in the order in which they came."""
    sums: dict[tuple[str, ...], Case] = {}
    for case in cases:
        key = tuple(case[name] for name in names)
        figures = {name: value for name, value in case.items() if name not in NAMES}
        sums[key] = together(sums[key], figures) if key in sums else figures
    return [dict(zip(names, key, strict=True)) | sums[key] for key in sums]


def _place(case: Case) -> tuple[int, str, str, str]:
    groups = list(GROUPS)
    group = case["group"]
    return (
        groups.index(group) if group in groups else len(groups),
        group,
        case["file"],
        case["case"],
    )


def _whole(cases: list[Case]) -> str:
    lines = []
    for group, members in groupby(cases, key=lambda case: str(case["group"])):
        title = GROUPS.get(group, group)
        lines += [f"**{title[0].upper()}{title[1:]}**", "", *_head("what breaks", "sink")]
        lines += [_row(case["case"], case["sink"], case) for case in members]
        lines.append("")
    return "\n".join(lines).rstrip()


def _short(cases: list[Case]) -> str:
    rows = [_row(GROUPS.get(s["group"], s["group"]), s) for s in summed(cases, ("group",))]
    return "\n".join([*_head("what breaks"), *rows])


def _head(*titles: str) -> list[str]:
    figures = ("tries", "recorded", "delivered", "twice", "accounted for otherwise", "lost")
    right = "|".join("---:" if name != "accounted for otherwise" else "---" for name in figures)
    return [f"| {' | '.join((*titles, *figures))} |", f"|{'---|' * len(titles)}{right}|"]


def _row(*cells: Any) -> str:
    *titles, said = cells
    shown = [_number(said[name]) for name in ("tries", "recorded", "delivered", "twice")]
    return f"| {' | '.join((*titles, *shown, _otherwise(said), _number(said['lost'])))} |"


def _otherwise(said: Mapping[str, Any]) -> str:
    letters = said["dead letters"]
    parts = [
        f"{_number(count)} dead letter{'s' * (count > 1)} (`{code}`)"
        for code, count in sorted(letters.items())
    ]
    parts += [
        f"{_number(count)} {reason}, and counted so" for reason, count in said["gone"].items()
    ]
    parts += [f"{_number(said['given up'])} not promised"] * bool(said["given up"])
    parts += [f"{_number(said['in flight'])} more from calls in flight"] * bool(said["in flight"])
    return ", ".join(parts)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")

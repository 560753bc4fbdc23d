"""Puts what was generated between two markers of a page, so that no table is typed by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

END = "<!-- end of generated -->"


def with_table(text: str, name: str, table: str) -> str:
    """Return a page with a table in place of what stands between its markers.

    :param name: what the first marker says: `<!-- generated: NAME -->`.

    Raises `ValueError` when the page does not have the two markers exactly once.
    """
    between = re.compile(f"({re.escape(_begin(name))}\n).*?({re.escape(END)})", re.DOTALL)
    written, often = between.subn(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)
    if often != 1:
        raise ValueError(f"a page needs {_begin(name)} and {END} once, not {often} times")
    return written


def put(page: Path, name: str, table: str) -> None:
    """Write a table into a page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(with_table(text, name, table), encoding="utf-8")


def _begin(name: str) -> str:
    return f"<!-- generated: {name} -->"

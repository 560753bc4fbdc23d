"""What became of the twenty events of each system: stored, and rendered into the pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.machine import describe
from benchmarks.tables_in_docs import put
from tests.chaos.peers.cells import SITUATIONS, SYSTEMS
from tests.chaos.peers.table import short, whole
from tests.chaos.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    Cell = dict[str, Any]

PROPERTY = "peers"
STORED = ROOT / "docs" / "figures" / "peers.json"
WHOLE, SHORT = "peers, whole", "peers, short"
PAGES = {WHOLE: ROOT / "docs" / "reliability.md", SHORT: ROOT / "README.md"}


def load() -> dict[str, Any]:
    """Return what is stored: the machine, and the cells."""
    found: dict[str, Any] = json.loads(STORED.read_text("utf-8"))
    return found


def store(cells: Iterable[Cell]) -> None:
    """Put cells in the place of what is stored of them, and render the pages."""
    kept = load()["cells"] if STORED.exists() else []
    found = {(cell["situation"], cell["system"]): cell for cell in (*kept, *cells)}
    order = [(situation.name, system) for situation in SITUATIONS for system in SYSTEMS]
    stored = {"machine": describe(), "cells": [found[key] for key in order if key in found]}
    STORED.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name, table in tables(stored).items():
        put(PAGES[name], name, table)


def tables(stored: dict[str, Any]) -> dict[str, str]:
    """Return the Markdown of each table by the name of its markers."""
    where = f"Measured on {stored['machine']}."
    return {WHOLE: f"{whole(stored['cells'])}\n\n{where}", SHORT: short(stored["cells"])}

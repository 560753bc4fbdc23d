"""The tables of what became of every record are what was stored, and no case is left out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.tables_in_docs import with_table
from tests.chaos.figures import PAGES, ROOT, load, tables

OPTIONS = (
    "-qq",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-o",
    "addopts=--import-mode=importlib",
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_was_stored(name: str) -> None:
    text = PAGES[name].read_text("utf-8")
    again = "run `uv run pytest tests/chaos --whole --write`"
    assert with_table(text, name, tables(load())[name]) == text, again


def test_what_was_stored_lost_nothing() -> None:
    assert [case["case"] for case in load() if case["lost"] or case["torn"]] == []


def test_every_case_is_stored_and_every_stored_case_exists() -> None:
    command = (sys.executable, "-m", "pytest", *OPTIONS, "--collect-only", "--whole", "tests/chaos")
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    cases = {line for line in said.stdout.splitlines() if line.startswith("case: ")}
    assert cases == {f"case: {case['file']}: {case['case']}" for case in load()}

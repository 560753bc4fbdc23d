"""A fragment of the changelog names the issue, the package and the kind of change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAGMENTS = sorted(path for path in (ROOT / "changelog").iterdir() if path.name != "README.md")
PACKAGES = {"core", "pytest"} | {
    path.parent.name
    for folder in ("plugins", "servers")
    for path in ROOT.glob(f"{folder}/*/pyproject.toml")
}
NAME = re.compile(r"\d+\.(?P<package>\w+)\.(added|changed|fixed|removed)\.md")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: str(path.name))
def test_a_fragment_says_what_it_concerns(fragment: Path) -> None:
    name = NAME.fullmatch(fragment.name)
    assert name
    assert name["package"] in PACKAGES
    assert fragment.read_text("utf-8").strip().endswith(".")

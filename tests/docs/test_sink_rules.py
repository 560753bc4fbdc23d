"""A rule that a failing contract points to is on the page that it names, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytest_telemetry.contract import rules

ROOT = Path(__file__).parents[2]
RULES = {name: rule for name, rule in vars(rules).items() if isinstance(rule, rules.Rule)}


def test_the_page_has_each_rule_with_what_to_do() -> None:
    page = (ROOT / rules.PAGE).read_text("utf-8")
    rows = re.findall(r"^\| (.+) \| (.+) \|$", page, re.MULTILINE)[1:]
    assert rows == [(rule.says, rule.remedy) for rule in RULES.values()]


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_checked(name: str) -> None:
    folder = ROOT / "pytest_plugin" / "pytest_telemetry" / "contract"
    checks = "".join(p.read_text("utf-8") for p in folder.glob("*.py") if p.name != "rules.py")
    assert f"{name}.broken(" in checks or re.search(rf"\b{name}\)", checks)

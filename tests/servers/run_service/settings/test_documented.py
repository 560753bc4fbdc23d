"""A setting, a variable or an exit code of the service that is not documented does not exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from telemetry_run_service.process import refusals
from telemetry_run_service.settings.reading import IGNORED
from telemetry_run_service.settings.settings import settings

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "run-service.md").read_text("utf-8")
VARIABLE = re.compile(r"(TELEMETRY|DATABASE|LOG)(_[A-Z]+)+")
ROWS = {
    match[1]: match[0]
    for match in re.finditer(r"^\| `(\w+)` \|.*$", PAGE.split("## Settings")[1], re.MULTILINE)
}


def _variables() -> set[str]:
    """Return every name in the service's code that looks like a variable of the environment."""
    return {
        node.value
        for path in (ROOT / "servers" / "run_service").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and VARIABLE.fullmatch(node.value)
    }


def test_the_table_has_every_setting_in_the_order_of_the_code() -> None:
    assert [*ROWS] == [*settings()]


@pytest.mark.parametrize("name", settings())
def test_a_setting_is_documented_with_its_variables(name: str) -> None:
    _, variables = settings()[name]
    assert all(f"`{variable}`" in ROWS[name] for variable in variables)


def test_every_variable_is_documented() -> None:
    assert {name for name in (*_variables(), *IGNORED) if f"`{name}`" not in PAGE} == set()


def test_every_exit_code_is_documented() -> None:
    codes = {refusals.WRONG, refusals.SETTINGS_REFUSED} | {
        each.exit_code for each in refusals.StartRefusedError.__subclasses__()
    }
    assert all(re.search(rf"^\| {code} \|", PAGE, re.MULTILINE) for code in codes)

"""A hook, a setting, an environment variable or an error that is not documented does not exist."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from telemetry_core import hookspecs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOOKS = [
    node
    for node in ast.parse(inspect.getsource(hookspecs)).body
    if isinstance(node, ast.FunctionDef)
]
VARIABLE = re.compile(r"(TELEMETRY|AGENT|METRICS|GOOGLE|TK|RAXE|DO_NOT)_[A-Z_]*[A-Z]")


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _signature(hook: ast.FunctionDef) -> str:
    return (
        f"{hook.name}({ast.unparse(hook.args)}) -> {ast.unparse(hook.returns or ast.Name('None'))}"
    )


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook.name))
def test_a_hook_is_documented_by_its_exact_signature(hook: ast.FunctionDef) -> None:
    assert f"## `{_signature(hook)}`" in _page("hooks.md")


def test_there_are_five_hooks() -> None:
    assert len(HOOKS) == 5

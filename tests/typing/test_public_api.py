"""Both type checkers accept the public API as its users write it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APIS = ["tests/typing/public_api.py", "tests/typing/pytest_api.py"]


@pytest.mark.parametrize(
    "checker", [["mypy", "--strict"], ["basedpyright"]], ids=["mypy", "basedpyright"]
)
def test_the_public_api_type_checks(checker: list[str]) -> None:
    command = [sys.executable, "-m", *checker, *APIS]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr

"""The page on plugins, followed word for word: from an empty folder to an installed sink."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from telemetry_core import cli, sending
from tests.docs.conftest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
TELEMETRY = ("-c", "from telemetry_core.cli import main; main()")

Python = subprocess.CompletedProcess[str]


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Python]:
    """Return what runs Python in the author's folder, with the plugin installed if it was built."""
    shutil.copytree(ROOT / "examples" / "folder_sink", tmp_path / "plugin")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TELEMETRY_", "PYTEST"))}
    environ = inherited | {"PYTHONPATH": str(tmp_path / "site"), "TELEMETRY_EXIT_TIMEOUT": "30"}

    def run(*arguments: str) -> Python:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path / "plugin",
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def installed(python: Callable[..., Python], tmp_path: Path) -> Callable[..., Python]:
    """Return the same once the plugin's wheel was built and lies where an installer puts it."""
    installer = ["--installer", "uv"] if shutil.which("uv") else []
    built = python("-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), *installer)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    return python


def test_the_sink_of_the_page_gets_what_a_program_records(
    installed: Callable[..., Python], tmp_path: Path
) -> None:
    shown = json.loads(installed(*TELEMETRY, "plugins", "--json").stdout)
    states = {plugin["name"]: plugin["state"] for plugin in shown["plugins"]}
    assert states["folder"] == "on"
    assert installed(str(ROOT / "examples" / "first_run.py")).returncode == 0
    kept = [json.loads(path.read_text()) for path in (tmp_path / "plugin" / "records").iterdir()]
    assert sum(record["record_type"] == "event" for record in kept) == 3
    assert {record["run_id"] for record in kept} == {kept[0]["run_id"]}


def test_its_contract_finds_nothing_wrong(installed: Callable[..., Python]) -> None:
    done = installed(*PYTEST)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_it_takes_ten_lines() -> None:
    code = (ROOT / "examples" / "folder_sink" / "telemetry_folder.py").read_text("utf-8")
    lines = [line for line in code.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(lines) <= 10


def test_everything_offered_to_authors_stands_on_the_page() -> None:
    named = set(re.findall(r"`(\w+)", "\n".join(re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE))))
    assert {*sending.__all__, *cli.__all__} - {"main"} <= named

"""Every block of code in the documentation runs, loads or is an example, word for word."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from telemetry_core import load_config
from telemetry_core.manager import Manager
from tests.core.cli.terminal import typed
from tests.docs.conftest import PYTEST
from tests.servers.run_service.deployment.service import TELEMETRY, Service, free_port

if TYPE_CHECKING:
    from tests.warm import WarmInterpreter

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "changelog/*.md",
        "plugins/*/*.md",
        "servers/*/*.md",
        "pytest_plugin/*.md",
    )
    for path in ROOT.glob(pattern)
)
ELSEWHERE = {
    "fastapi_service.py",
    "downstream_test.py",
    "run_service_test.py",
}  # see test_examples.py
EXAMPLES = [p for p in sorted((ROOT / "examples").glob("*.py")) if p.name not in ELSEWHERE]

# ```language … ```, and before it, when the block quotes a file: <!-- examples/first_run.py -->
FENCE = re.compile(
    r"(?:<!-- (?P<file>\S+) -->\n+)?^```(?P<language>\w*)\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
SECRETS = {"POSTHOG_API_KEY": "phc_example"}  # what a block may take from the environment
KEY_FILES = {  # and from a file beside it
    "service-account.json": '{"type": "service_account", "client_email": "telemetry@example.com",'
    ' "private_key": "example", "token_uri": "https://oauth2.googleapis.com/token"}',
    "ingest-secret": "example",
}
PICTURES = {"text", "mermaid"}
QUOTED = {"yaml"}  # what only a file of ours says, which has tests of its own
# What changes from one run of a command to the next: figures, ids, and the width of columns.
CHANGING = re.compile(r"\d[\d.]* m?s\b|\b[0-9a-f]{8}\b|\d+| +")
# What a page may tell people to type that no test needs to type again.
SETTING_UP = (
    "pip install",
    "git clone",
    "cd ",
    "uv sync",
    "uv run pytest",
    "uv run ruff",
    "uv run mypy",
    ".ci/run",
)


class Block(NamedTuple):
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    file: str | None
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def tests(self) -> str:
        """Return the name of the file in which it would be a test, nothing when it is none."""
        is_one = "def test_" in self.code or "(SinkContract):" in self.code
        return f"test_{re.sub(r'[^A-Za-z0-9]', '_', str(self))}.py" if is_one else ""


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["file"],
            found["code"],
        )
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in _blocks(page)]


def _of(language: str) -> list[Block]:
    """Return the blocks that stand for themselves: a file that is quoted is tested as a whole."""
    return [block for block in BLOCKS if block.language == language and not block.file]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Return an empty directory that no configuration file stands above."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def _environ(scratch: Path) -> dict[str, str]:
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("TELEMETRY_", "AGENT_", "RAXE_"))
    }
    ours = {"TELEMETRY_BASE_DIR": str(scratch / "store"), "TELEMETRY_EXIT_TIMEOUT": "30"}
    return {**inherited, **ours, "NO_COLOR": "1"}


def _python(arguments: list[str], scratch: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=scratch,
        env=_environ(scratch),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def _served(arguments: list[str], scratch: Path) -> str:
    """Start a service, on a port of its own, and stop it once it answers."""
    environ = {**_environ(scratch), "TELEMETRY_API_PORT": free_port()}
    with Service([TELEMETRY, *arguments], environ, scratch) as service:
        service.ready()
        assert service.stop() == 0
    return service.said()


def _telemetry(arguments: list[str], scratch: Path) -> str:
    if arguments == ["serve"]:
        return _served(arguments, scratch)
    done = typed(arguments, environ=_environ(scratch), directory=scratch)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode()


RUNNERS = {"python": _python, "telemetry": _telemetry}


@pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])
def test_every_fence_is_closed_and_of_a_language_this_test_knows(page: Path) -> None:
    blocks = _blocks(page)
    assert {block.language for block in blocks} <= {"python", "toml", "console", *QUOTED, *PICTURES}
    assert [str(block) for block in blocks if block.language in QUOTED and not block.file] == []
    assert page.read_text("utf-8").count("```") == 2 * len(blocks)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.file], ids=str)
def test_a_quoted_block_is_the_file_it_names(block: Block) -> None:
    assert block.code in (ROOT / str(block.file)).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [b for b in _of("python") if not b.tests], ids=str)
def test_a_python_block_runs(block: Block, scratch: Path, warm: WarmInterpreter) -> None:
    program = warm.start(block.code, env=_environ(scratch), cwd=scratch)
    try:
        output, errors = program.communicate()
    finally:
        program.kill()
    assert program.returncode == 0, output + errors
    assert "Traceback" not in errors


def test_all_python_blocks_that_are_tests_pass(scratch: Path) -> None:
    blocks = [block for block in _of("python") if block.tests]
    for block in blocks:
        (scratch / block.tests).write_text(block.code, encoding="utf-8")
    shown = _python([*PYTEST, "-rA"], scratch)
    for block in blocks:
        assert f"PASSED {block.tests}::" in shown


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.name))
def test_an_example_runs(example: Path, scratch: Path) -> None:
    _python([str(example)], scratch)


@pytest.mark.parametrize("block", _of("toml"), ids=str)
def test_a_toml_block_is_a_configuration(block: Block, scratch: Path) -> None:
    whole = "tool" in tomllib.loads(block.code)
    path = scratch / ("pyproject.toml" if whole else "telemetry.toml")
    path.write_text(block.code, encoding="utf-8")
    for name, text in KEY_FILES.items():
        (scratch / name).write_text(text, encoding="utf-8")
    plugins = Manager(load_config(path, environ=SECRETS)).plugins
    assert all(plugin.build() for plugin in plugins)


@pytest.mark.parametrize("block", _of("console"), ids=str)
def test_a_console_block_is_what_one_types_and_what_one_gets(block: Block, scratch: Path) -> None:
    for example in EXAMPLES:
        shutil.copy(example, scratch)
    before, *typed = re.split(r"^\$ ", block.code, flags=re.MULTILINE)
    assert typed
    assert not before
    for part in typed:
        line, _, shown = part.partition("\n")
        if line.startswith(SETTING_UP):
            continue
        program, *arguments = shlex.split(line.removeprefix("uv run "), comments=True)
        assert program in RUNNERS, f"{block}: nobody knows how to run `{line}`"
        got = RUNNERS[program](arguments, scratch)
        assert not shown or CHANGING.sub("", shown) == CHANGING.sub("", got)

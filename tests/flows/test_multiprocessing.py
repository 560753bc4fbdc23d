"""Children of multiprocessing and of process pools lose nothing, whichever way they begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.conftest import Home

METHODS = ("fork", "spawn", "forkserver")
MODULE = """
import os
import signal
import telemetry_core

def say(n):
    telemetry_core.capture("said", properties={"n": n})
    return n

def start(n):
    telemetry_core.start_run(f"agent {n}", "job")

def say_and_die(n):
    say(n)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def script(home: Home) -> Path:
    """Return where a program goes beside a module that its children can import."""
    folder = home.base_dir.parent
    (folder / "telling.py").write_text(MODULE)
    (folder / "telemetry.toml").write_text('active = ["sqlite"]\nbase_dir = "telemetry"\n')
    return folder / "program.py"


def run(home: Home, script: Path, source: str) -> None:
    script.write_text(
        "import multiprocessing\nimport telling\n\nif __name__ == '__main__':\n"
        + "".join(f"    {line}\n" for line in source.splitlines())
    )
    home.finish(home.start_file(script))


@pytest.mark.parametrize("method", METHODS)
def test_parent_and_children_lose_nothing(home: Home, script: Path, method: str) -> None:
    run(
        home,
        script,
        f"""
context = multiprocessing.get_context({method!r})
telling.say(0)
children = [context.Process(target=telling.say, args=(n,)) for n in (1, 2)]
for child in children: child.start()
telling.say(3)
for child in children: child.join()
telling.say(4)
""",
    )
    assert home.said() == [0, 1, 2, 3, 4]
    assert home.folders() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_child_delivers_by_itself_when_it_ends(home: Home, script: Path, method: str) -> None:
    run(
        home,
        script,
        f"""
import os, sqlite3
child = multiprocessing.get_context({method!r}).Process(target=telling.start, args=(1,))
child.start(); child.join()
found = sqlite3.connect("telemetry/db/telemetry.sqlite").execute("SELECT status FROM agent_runs")
assert found.fetchall() == [("cancelled",)]
os._exit(0)
""",
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_workers_of_a_pool_lose_nothing(home: Home, script: Path, method: str) -> None:
    run(
        home,
        script,
        f"""
from concurrent.futures import ProcessPoolExecutor
context = multiprocessing.get_context({method!r})
with ProcessPoolExecutor(2, mp_context=context) as pool:
    list(pool.map(telling.say, range(10)))
with context.Pool(2) as pool:  # terminates its workers
    pool.map(telling.say, range(10, 20))
""",
    )
    assert home.said() == list(range(20))


def test_a_child_that_is_killed_loses_nothing(home: Home, script: Path) -> None:
    run(
        home,
        script,
        """
child = multiprocessing.get_context("fork").Process(target=telling.say_and_die, args=(1,))
child.start(); child.join()
""",
    )
    assert home.said() == [1]

"""A program killed at any moment loses nothing that it was told was recorded."""

from __future__ import annotations

import mmap
import os
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.conftest import Home

TRIES = int(os.environ.get("KILL_TRIES", "15"))
A_MOMENT = (1, 300)
BEYOND_A_ROLL = (30_000, 60_000)
EACH_COUNTED_ONCE_TOLD = """
import mmap
from itertools import count
memory = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 8)
client = TelemetryClient()
run_id = client.start_run("agent", "job")
for n in count():
    client.log_event(run_id, "said", {"n": n})
    memory[:] = (n + 1).to_bytes(8, "big")
"""


def killed_after(home: Home, counter: Path, told: int) -> int:
    """Kill the program once it was told so often; return how often it was told in the end."""
    counter.write_bytes(bytes(8))
    with counter.open("r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        program = home.start(EACH_COUNTED_ONCE_TOLD, str(counter))
        while int.from_bytes(memory[:], "big") < told and program.poll() is None:
            os.sched_yield()
        program.kill()
        _, errors = program.communicate()
        assert not errors
        return int.from_bytes(memory[:], "big")


@pytest.mark.parametrize("attempt", range(TRIES))
def test_a_program_killed_at_a_random_moment_loses_nothing(
    home: Home, tmp_path: Path, attempt: int
) -> None:
    span = BEYOND_A_ROLL if attempt % 8 == 7 else A_MOMENT
    told = killed_after(home, tmp_path / "counter", random.randint(*span))
    said = home.said()
    assert said in (list(range(told)), list(range(told + 1)))
    assert home.runs("status", "inferred") == [("cancelled", 1)]
    assert not (home.base_dir / "damaged").exists()


def test_the_run_a_killed_program_had_open_ends_as_inferred(home: Home) -> None:
    program = 'TelemetryClient().start_run("a", "j"); os.kill(os.getpid(), signal.SIGKILL)'
    home.run(program, code=-9)
    assert home.runs("status", "inferred") == [("cancelled", 1)]
    [(begun, ended)] = home.rows("SELECT start_time, end_time FROM agent_runs")
    assert begun <= ended


def test_several_sinks_adopt_a_folder_and_close_its_runs_once(home: Home) -> None:
    program = 'TelemetryClient().start_run("a", "j"); os.kill(os.getpid(), signal.SIGKILL)'
    home.run(program, code=-9, TELEMETRY_ACTIVE="sqlite,ndjson")
    client = home.client(TELEMETRY_ACTIVE="sqlite,ndjson")
    assert client.flush()
    client.close()
    [file] = (home.base_dir / "raw").glob("*.ndjson")
    ends = [line for line in file.read_text().splitlines() if '"cancelled"' in line]
    assert len(ends) == 1
    assert home.folders() == []

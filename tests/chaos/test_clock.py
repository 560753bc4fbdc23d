"""A clock that is set back or forward by a day loses nothing and stops nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves

if TYPE_CHECKING:
    from tests.chaos.stage import Stage

DAY = 86_400
PROGRAMS = {
    "the same": "",
    "the next": "client.close(); client = TelemetryClient(plugins=[Busy()], clock=clock)",
}
ENDS = {"ends": "client.close()", "dies": "os._exit(0)"}
JUMPS = {"back": -DAY, "forward": DAY}
THERE_AND_BACK = """
from pytest_telemetry.clock import FakeClock
clock = FakeClock()
def jump(seconds):
    clock.set_wall(clock.time_ns() + seconds * 1_000_000_000)
"""
SAYS_THE_DAY = """
from itertools import count
from time import time
client = TelemetryClient()
run = run_id(client)
began = time()
numbers = count()
while sys.stdin.readline().strip() != "end":
    say(client, run, [next(numbers) for _ in range(50)])
    assert client.flush()
    print(round((time() - began) / 86_400), flush=True)
client.end_run(run)
"""
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


@pytest.mark.chaos("the clock is set by a day", "clock")
@pytest.mark.parametrize("jump", halves(JUMPS, "back"))
@pytest.mark.parametrize("end", halves(ENDS, "dies"))
def test_a_clock_that_jumps_loses_nothing(stage: Stage, jump: int, end: str) -> None:
    stage.run(f"""{THERE_AND_BACK}
client = TelemetryClient(clock=clock)
run = run_id(client)
capture(client, range(50))
client.flush()
jump({jump})
capture(client, range(100, 150))
client.end_run(run)
client.flush()
other = run_id(client)
jump(-{jump})
capture(client, range(200, 250))
client.end_run(other)
{end}
""")
    stage.conclude()
    runs = stage.rows("SELECT status, duration_ms >= 0 FROM agent_runs")
    assert runs == [("success", 1), ("success", 1)]
    assert stage.rows("SELECT count(DISTINCT id) FROM run_events") == [(150,)]


@pytest.mark.chaos("the clock is set by a day while a sink is to be left alone", "clock")
@pytest.mark.parametrize("jump", halves(JUMPS, "back"))
@pytest.mark.parametrize("program", halves(PROGRAMS, "the next"))
def test_a_pause_lasts_no_longer_than_it_was_to(stage: Stage, program: str, jump: int) -> None:
    stage.run(f"""{THERE_AND_BACK}
from telemetry_core import Receipt
got = []
class Busy:
    @hookimpl
    def ship_batch(self, batch):
        if not got:
            got.append(0)
            return Receipt(retry_after=60.0)
        got.extend(batch)
client = TelemetryClient(plugins=[Busy()], clock=clock)
capture(client, range(50))
assert not client.flush()
jump({jump})
{program}
capture(client, range(100, 110))
client.flush()
clock.advance(61)
assert client.flush(), client.health()
assert len(got) == 61
""")
    stage.conclude()


def faketime() -> Path:
    """Return the library that fakes a process's time, or skip."""
    found = (path for folder in LIBRARIES for path in Path(folder).rglob("libfaketimeMT.so.1"))
    if library := next(found, None):
        return library
    pytest.skip("faketime is not installed: apt-get install faketime")


@pytest.mark.chaos("the time of a whole process is set by a day", "clock")
@pytest.mark.parametrize("jump", halves(JUMPS, "forward"))
def test_a_process_whose_time_jumps_loses_nothing(stage: Stage, jump: int) -> None:
    rate = stage.home / "faketime"
    rate.write_text("+0")
    program = stage.start(
        SAYS_THE_DAY,
        LD_PRELOAD=str(faketime()),
        FAKETIME_TIMESTAMP_FILE=str(rate),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    assert program.stdin is not None
    assert program.stdout is not None
    for days in (0, 1, 0):
        rate.write_text(f"{days * jump:+d}")
        program.stdin.write("\n")
        program.stdin.flush()
        assert int(program.stdout.readline()) == days * jump // DAY
    assert len(stage.rows("SELECT id FROM run_events")) == 150
    program.stdin.write("end\n")
    stage.finish(program)
    stage.conclude()

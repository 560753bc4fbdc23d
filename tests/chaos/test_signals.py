"""However a program ends, what it told is delivered by itself or by the next one."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import case

if TYPE_CHECKING:
    from tests.chaos.stage import Stage

TELLS = """
client = TelemetryClient()
say(client, run_id(client), range(20))
"""
ITSELF = "os.kill(os.getpid(), {}); threading.Event().wait(60)"
TOLD_TO_EXIT = f"""
def leave(number, frame):
    capture(client, range(20, 30))
    sys.exit(7)
signal.signal(signal.SIGTERM, leave)
{ITSELF.format("signal.SIGTERM")}
"""
CLOSES_ITSELF = f"""
def leave(number, frame):
    client.close()
    os._exit(7)
signal.signal(signal.SIGTERM, leave)
{ITSELF.format("signal.SIGTERM")}
"""
IN_THE_MIDDLE = """
signal.signal(signal.SIGALRM, lambda *_: sys.exit(7))
signal.setitimer(signal.ITIMER_REAL, 0.02)
say(client, run_id(client), range(20, 500_000))
"""
SEGFAULT = "import ctypes; ctypes.string_at(0)"
ended = partial(case, "ended")


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ended("SIGTERM", ITSELF.format("signal.SIGTERM"), -signal.SIGTERM),
        ended("SIGHUP", ITSELF.format("signal.SIGHUP"), -signal.SIGHUP, whole=True),
        ended("SIGQUIT", ITSELF.format("signal.SIGQUIT"), -signal.SIGQUIT, whole=True),
        ended("os._exit", "os._exit(4)", 4),
        ended("os.abort", "os.abort()", -signal.SIGABRT),
        ended("a segmentation fault", SEGFAULT, -signal.SIGSEGV),
    ],
)
def test_what_a_program_leaves_is_delivered_by_the_next(stage: Stage, end: str, code: int) -> None:
    stage.run(TELLS + end, code=code)
    stage.conclude()
    assert stage.rows("SELECT status, inferred FROM agent_runs") == [("cancelled", 1)]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ended("the end of the program", "", 0),
        ended("sys.exit", "sys.exit(3)", 3, whole=True),
        ended("an exception that nobody catches", "raise SystemError('x')", 1),
        ended("SIGINT", ITSELF.format("signal.SIGINT"), 1),
        ended("SIGTERM, with a handler that records and exits", TOLD_TO_EXIT, 7),
        ended("SIGTERM, with a handler that closes the client", CLOSES_ITSELF, 7, whole=True),
        ended("an exit in the middle of a call", IN_THE_MIDDLE, 7),
    ],
)
def test_a_program_that_ends_in_order_delivers_by_itself(stage: Stage, end: str, code: int) -> None:
    stage.run(TELLS + end, code=code, TELEMETRY_EXIT_TIMEOUT="60")
    assert not stage.left()
    stage.conclude()
    runs = stage.rows("SELECT DISTINCT status, inferred FROM agent_runs")
    assert runs == [("cancelled", 1)]

"""A process that gevent patched delivers, or says why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.stage import Stage

PATCH = "from gevent import monkey; monkey.patch_all()"
ORDERS = {
    "before telemetry_core is imported": f"""
import importlib
for name in [name for name in sys.modules if name.startswith("telemetry_core")]:
    del sys.modules[name]
{PATCH}
from telemetry_core import TelemetryClient
client = TelemetryClient()
""",
    "after telemetry_core was imported": f"{PATCH}\nclient = TelemetryClient()\n",
    "after a client was built": f"client = TelemetryClient()\n{PATCH}\n",
    "after a client has delivered": f"""
client = TelemetryClient()
capture(client, range(90_000, 90_010))
client.flush()
{PATCH}
""",
}
GREENLETS = """
import gevent
def tell(first):
    for number in range(first, first + 20):
        capture(client, [number])
        gevent.sleep(0)
def tell_all(first):
    gevent.joinall([gevent.spawn(tell, first + 100 * n) for n in range(5)])
"""
ENDS = {
    "greenlets still tell": "for n in range(5): gevent.spawn(tell, 100 * n)\ngevent.sleep(0)",
    "the hub ends": """
tell_all(0)
client.flush()
gevent.get_hub().destroy()
capture(client, range(900, 910))
""",
    "a greenlet is killed": """
greenlets = [gevent.spawn(tell, 0)]
gevent.sleep(0.02)
gevent.killall(greenlets)
""",
}


@pytest.fixture
def warm() -> None:
    """Have each program be an interpreter of its own: what gevent patches is not imported yet."""


@pytest.mark.chaos("gevent patches the process", "processes")
@pytest.mark.parametrize("patched", halves(ORDERS, "after a client was built"))
def test_greenlets_deliver_whenever_the_process_was_patched(
    stages: Callable[..., Stage], patched: str
) -> None:
    stage = stages("sqlite", "ndjson")
    source = f"{patched}{GREENLETS}tell_all(0)\nassert client.flush()\nos._exit(0)"
    stage.finish(stage.start(source))
    assert len(stage.rows("SELECT id FROM run_events")) == len(stage.recorded()) >= 100
    stage.conclude()


@pytest.mark.chaos("greenlets of a process that ends", "processes")
@pytest.mark.parametrize("end", halves(ENDS, "the hub ends"))
def test_what_greenlets_told_is_not_lost_when_the_process_ends(stage: Stage, end: str) -> None:
    stage.run(f"{PATCH}\nclient = TelemetryClient()\n{GREENLETS}{end}")
    assert stage.recorded()
    stage.conclude()


@pytest.mark.chaos("children of a process that gevent patched", "processes")
@pytest.mark.whole
def test_children_of_a_patched_process_deliver(stage: Stage) -> None:
    stage.run(f"""{PATCH}
client = TelemetryClient()
{GREENLETS}
tell_all(0)
children = []
for n in range(1, 4):
    if not (pid := os.fork()):
        tell_all(1000 * n)
        assert client.flush()
        sys.exit()
    children.append(pid)
tell_all(5000)
assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
assert client.flush()
""")
    assert len(stage.recorded()) == 500
    stage.conclude()


@pytest.mark.chaos("the first record comes from a thread of gevent's own pool", "processes")
@pytest.mark.whole
def test_where_a_worker_began_in_a_thread_that_ended_health_says_so(stage: Stage) -> None:
    said = stage.run(f"""{PATCH}
import gevent, time
from telemetry_core import SystemClock
class Clock(SystemClock):
    ahead = 0.0
    @classmethod
    def monotonic(cls):
        return time.monotonic() + cls.ahead
client = TelemetryClient(clock=Clock())
gevent.get_hub().threadpool.spawn(capture, client, range(20)).get()
client.flush(0.2)
Clock.ahead = 60.0
print(client.health().message)
""")
    assert "20 records waiting, and its worker has not moved" in said
    stage.conclude()

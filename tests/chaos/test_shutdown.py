"""What is told while the interpreter shuts down is accepted and arrives, or is not accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves

if TYPE_CHECKING:
    from tests.chaos.stage import Stage

LATE = {
    "in a handler called before ours": """
client = TelemetryClient()
capture(client, range(10))
atexit.register(capture, client, range(100, 110))
""",
    "in a handler called after ours": """
atexit.register(lambda: capture(client, range(100, 110)))
client = TelemetryClient()
capture(client, range(10))
""",
    "by a client first used in a handler": """
client = TelemetryClient()
atexit.register(capture, client, range(100, 110))
""",
    "by the default client, built in a handler": """
import telemetry_core
atexit.register(capture, telemetry_core, range(100, 110))
""",
    "in __del__ of what the program holds": """
client = TelemetryClient()
class Late:
    def __del__(self, capture=capture, client=client):
        capture(client, range(100, 110))
late = Late()
capture(client, range(10))
""",
    "by a thread that outlives the main one": """
client = TelemetryClient()
capture(client, range(10))
def tell():
    threading.main_thread().join()
    capture(client, range(100, 110))
threading.Thread(target=tell).start()
""",
    "by daemon threads that never end": """
from itertools import count
client = TelemetryClient()
told, never = threading.Semaphore(0), threading.Event()
def tell(first):
    for number in count(first):
        capture(client, [number])
        told.release()
        never.wait(0.001)  # leave something of the machine to others
for n in range(3):
    threading.Thread(target=tell, args=(n * 10_000 + 100,), daemon=True).start()
for _ in range(100): told.acquire()
""",
    "by a child that its exit handler forks": """
client = TelemetryClient()
capture(client, range(10))
def fork():
    if pid := os.fork():
        os.waitpid(pid, 0)
        capture(client, range(200, 210))
    else:
        capture(client, range(100, 110))
        os._exit(0)
atexit.register(fork)
""",
}
QUICK = ("in __del__ of what the program holds", "by daemon threads that never end")


@pytest.mark.chaos("told while the interpreter shuts down", "shutdown")
@pytest.mark.parametrize("late", halves(LATE, *QUICK))
def test_what_is_told_at_the_end_arrives(stage: Stage, late: str) -> None:
    stage.run(f"import atexit\n{late}")
    assert 109 in stage.recorded()
    stage.conclude()


@pytest.mark.chaos("an exit in the middle of delivery", "shutdown")
@pytest.mark.parametrize("timeout", halves({"0": "0", "0.05": "0.05", "2": "2"}, "0.05"))
def test_an_exit_in_the_middle_of_delivery_loses_nothing(stage: Stage, timeout: str) -> None:
    stage.run(
        "client = TelemetryClient(); capture(client, range(3000))",
        TELEMETRY_EXIT_TIMEOUT=timeout,
        TELEMETRY_BATCH_SIZE="10",
        TELEMETRY_LINGER="0",
    )
    assert len(stage.recorded()) == 3000
    stage.conclude()


@pytest.mark.chaos("an exit while a sink hangs", "shutdown")
@pytest.mark.whole
def test_an_exit_while_a_sink_hangs_loses_nothing(stage: Stage) -> None:
    stage.run(
        """
from telemetry_sqlite import store
entered = threading.Event()
def hang(*arguments):
    entered.set()
    threading.Event().wait(600)
store.store_records = hang
client = TelemetryClient()
capture(client, range(10))
assert entered.wait(30)
capture(client, range(10, 20))
""",
        TELEMETRY_EXIT_TIMEOUT="0.2",
    )
    assert stage.rows("SELECT id FROM run_events") == []
    stage.conclude()

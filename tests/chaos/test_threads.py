"""Where no thread can be had, records are kept, health says why they wait, and all arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves

if TYPE_CHECKING:
    from tests.chaos.stage import Stage

FAILING = """
start = threading._start_new_thread
def fail(*_arguments, **_keywords):
    raise RuntimeError("can't start new thread")
threading._start_new_thread = fail
"""
# Root may have as many threads as it likes: the limit asks who one is, and what one may do.
EXHAUSTED = """
import ctypes, resource
def be_nobody_who_may_write():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(8, 1, 0, 0, 0)  # keep what one may do when one is another
    os.setresuid(65534, 65534, 65534)
    files = 0b1111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert libc.capset(version_3, (ctypes.c_uint32 * 6)(files, files, 0, 0, 0, 0)) == 0
if os.getuid() == 0:
    be_nobody_who_may_write()
before = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (0, before[1]))
"""
MANY = """
threading.stack_size(256 * 1024)
client = TelemetryClient()
threads = [threading.Thread(target=capture, args=(client, [n])) for n in range(1000)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.chaos("no thread can be started", "threads")
@pytest.mark.parametrize("end", halves({"ends": "", "dies": "os._exit(0)"}, "ends"))
@pytest.mark.parametrize("exhausted", [FAILING, EXHAUSTED], ids=["failing", "limited"])
def test_where_no_thread_can_be_started_the_next_process_delivers(
    stage: Stage, exhausted: str, end: str
) -> None:
    said = stage.run(f"""
client = TelemetryClient()
{exhausted}
capture(client, range(50))
report = client.flush(1)
print(report.pending, client.health().message, flush=True)
{end}
""")
    assert said.startswith("50 sqlite: 50 records waiting; its thread cannot be started: ")
    assert stage.rows("SELECT id FROM run_events") == []
    stage.conclude()


@pytest.mark.chaos("no thread can be started, until one can", "threads")
@pytest.mark.whole
def test_where_threads_are_to_be_had_again_the_same_process_delivers(stage: Stage) -> None:
    stage.run(f"""
from itertools import count
client = TelemetryClient()
{FAILING}
capture(client, range(50))
threading._start_new_thread = start
signal.alarm(30)
for n in count(50):
    capture(client, [n])
    if client.flush(0.1):
        break
os._exit(0)
""")
    assert len(stage.rows("SELECT id FROM run_events")) == len(stage.recorded()) >= 50
    stage.conclude()


@pytest.mark.chaos("a thousand threads that tell one event each", "threads")
@pytest.mark.whole
def test_a_thousand_threads_lose_nothing(stage: Stage) -> None:
    stage.run(MANY)
    assert len(stage.recorded()) == 1000
    stage.conclude()

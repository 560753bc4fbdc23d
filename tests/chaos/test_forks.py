"""A fork while another thread is inside each guarded section: nobody hangs, nothing is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves
from tests.chaos.stage import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.stage import Stage

FORKS = """
inside, left = threading.Event(), threading.Event()

def staying(function, when=lambda *arguments: True):
    def stays(*arguments, **keywords):
        if not (inside.is_set() or is_main()) and when(*arguments):
            inside.set()
            assert left.wait(30)
        return function(*arguments, **keywords)
    return stays

def is_main():
    return threading.current_thread() is threading.main_thread()

def beside(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread

def fork_and_go_on(client, *threads):
    assert inside.wait(30)
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        capture(client, range(100, 110))
        sys.exit()
    status = os.waitpid(pid, 0)[1]
    left.set()
    for thread in threads: thread.join()
    capture(client, range(200, 210))
    assert os.waitstatus_to_exitcode(status) == 0
"""
HANGING = """
class Hanging:
    @hookimpl
    def ship_batch(self, batch):
        inside.set()
        left.wait(30)
"""
# What has the lock, and how a thread comes to stay where it holds it.
LOCKS = {
    "Bell._lock": f"""{HANGING}
client = TelemetryClient(plugins=[Hanging()])
capture(client, range(1))
fork_and_go_on(client, beside(client.flush))
assert client.flush()
""",
    "Circuit._lock": """
from time import monotonic
from telemetry_core import SystemClock
class Clock(SystemClock):
    @staticmethod
    def monotonic():
        return stays() if sys._getframe(1).f_code.co_name == "_open" else monotonic()
stays = staying(monotonic)
class Failing:
    @hookimpl
    def ship_batch(self, batch):
        if not left.is_set():
            raise OSError("no")
def ask():
    while not inside.is_set():
        client.flush(1)
client = TelemetryClient(plugins=[Failing()], clock=Clock())
capture(client, range(1))
fork_and_go_on(client, beside(ask))
assert client.flush()
""",
    "Crew._closing": """
client = TelemetryClient()
capture(client, range(1))
client.flush()
os.rmdir = staying(os.rmdir)
fork_and_go_on(client, beside(client.close))
""",
    "Process._forking": """
os.register_at_fork(before=staying(lambda: None))  # called after what is registered later
client = TelemetryClient()
capture(client, range(1))
def fork():
    if pid := os.fork():
        os.waitpid(pid, 0)
    else:
        os._exit(0)
fork_and_go_on(client, beside(fork))
""",
    "Segment._guard": """
os.pread = staying(os.pread)
client = TelemetryClient()
capture(client, range(1))
fork_and_go_on(client)
""",
    "Spool._caring": """
client = TelemetryClient()
capture(client, range(1))
client.flush()
os.listdir = staying(os.listdir)
fork_and_go_on(client, beside(client.flush))
""",
    "SpoolWriter._opening": """
os.mkdir = staying(os.mkdir)
client = TelemetryClient()
fork_and_go_on(client, beside(capture, client, range(1)))
""",
    "SpoolWriter._remembering": """
import resource
from telemetry_core.delivery.spool import overflow
client = TelemetryClient()
capture(client, range(1))
client.flush()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
overflow.frame = staying(overflow.frame)
thread = None
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
try:
    thread = beside(capture, client, range(1, 2))
    assert inside.wait(30)
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
fork_and_go_on(client, thread)
""",
    "Teller._waking": """
from telemetry_core.manager import Manager
client = TelemetryClient()
capture(client, range(1))
if pid := os.fork():
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    sys.exit()
Manager.rebuilt = staying(Manager.rebuilt)
fork_and_go_on(client, beside(capture, client, range(1, 2)))
""",
    "Worker._starting": """
started = lambda thread: thread.name.startswith("telemetry-")
threading.Thread.start = staying(threading.Thread.start, started)
client = TelemetryClient()
fork_and_go_on(client, beside(capture, client, range(1)))
""",
    "Worker._turn": f"""{HANGING}
client = TelemetryClient(plugins=[Hanging()])
capture(client, range(1))
fork_and_go_on(client)
assert client.flush()
""",
}
FILE_LOCKS = {
    "the turn of sqlite": """
from telemetry_sqlite import turn
queue, stay = turn._queue, staying(lambda: None)
turn._queue = lambda *arguments: (queue(*arguments), stay())[0]
""",
    "a transaction of sqlite": """
from telemetry_sqlite import store  # inside a transaction
store.store_records = staying(store.store_records)
""",
    "the lock of ndjson": """
of_ndjson = lambda *_: threading.current_thread().name == "telemetry-ndjson"
os.fsync, os.fdatasync = staying(os.fsync, of_ndjson), staying(os.fdatasync, of_ndjson)
""",
}
EVERY_LOCK = """
import gc, queue
from inspect import getmembers_static
makers = [threading.Lock, threading.RLock, threading.Condition, threading.Event]
makers += [threading.Semaphore, queue.Queue, queue.SimpleQueue]
kinds = tuple(type(make()) for make in makers)
class Failing:
    @hookimpl
    def ship_batch(self, batch):
        raise OSError("no")
client = TelemetryClient(plugins=[Failing()])
capture(client, range(10))
client.flush()
def home(thing):
    module = thing.__name__ if isinstance(thing, type(os)) else type(thing).__module__
    return module.partition(".")[0]
ours = [thing for thing in gc.get_objects() if home(thing) in {"telemetry_core",
        "telemetry_sqlite", "telemetry_ndjson"}]
for thing in ours:
    line = [base for base in type(thing).__mro__ if base.__module__.startswith("telemetry_")]
    name = line[-1].__name__ if line else thing.__name__
    for attribute, _ in getmembers_static(thing):
        if isinstance(getattr(thing, attribute, None), kinds):
            print(f"{name}.{attribute}")
"""


@pytest.mark.chaos("a fork while another thread holds a lock of ours", "forks")
@pytest.mark.parametrize("held", halves(LOCKS, "Segment._guard", "SpoolWriter._opening"))
def test_a_fork_while_another_thread_holds_a_lock(stage: Stage, held: str) -> None:
    stage.run(FORKS + held)
    stage.conclude()


def test_every_lock_has_its_case(stages: Callable[..., Stage]) -> None:
    found = stages("sqlite", "ndjson").run(EVERY_LOCK)
    assert set(found.split()) == set(LOCKS)


@pytest.mark.chaos("a fork while another thread holds a lock in a file", "forks")
@pytest.mark.parametrize("held", halves(FILE_LOCKS))
def test_a_fork_while_another_thread_holds_a_lock_in_a_file(
    stages: Callable[..., Stage], held: str
) -> None:
    stage = stages("sqlite", "ndjson")
    stage.run(f"""{FORKS}{held}
client = TelemetryClient()
capture(client, range(1))
fork_and_go_on(client)
""")
    stage.conclude()


TELLS_ITS_OWN = """
from time import time_ns
from telemetry_core import SystemClock
class Still(SystemClock):
    time_ns = staticmethod(lambda now=time_ns(): now)  # so that ids differ by more than their time
client = TelemetryClient(clock=Still())
capture(client, range(10))
if not (pid := os.fork()):
    capture(client, range(100, 110))
    assert client.flush(60)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print(flush=True); sys.stdin.readline()
capture(client, range(10, 20))
"""


@pytest.mark.chaos("a child delivers while its parent lives, and the clock stands still", "forks")
def test_a_child_delivers_its_own_records_and_none_of_its_parents(
    stages: Callable[..., Stage],
) -> None:
    stage = stages("sqlite", "ndjson")
    program = stage.start(TELLS_ITS_OWN, TELEMETRY_LINGER="600")
    assert program.stdout is not None
    program.stdout.readline()
    assert stage.rows("SELECT count(*) FROM run_events") == [(10,)]
    stage.finish(program)
    stage.conclude()
    assert stage.account("ndjson").twice == 0


@pytest.mark.chaos("a parent killed while it holds a lock in a file, and a child lives on", "forks")
@pytest.mark.parametrize(
    "held", halves(FILE_LOCKS, "the turn of sqlite", "a transaction of sqlite")
)
def test_a_parent_that_is_killed_leaves_no_lock_to_its_child(
    stages: Callable[..., Stage], held: str
) -> None:
    stage = stages("sqlite", "ndjson")
    program = stage.start(f"""{FORKS}{held}
client = TelemetryClient()
capture(client, range(1))
assert inside.wait(30)
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
signal.alarm(60)
capture(client, range(100, 110))
client.flush(1)
print(client.health().message, flush=True)
sys.stdin.read()  # the child lives on, and so does what it inherited
os._exit(0)
""")
    assert program.stdout is not None
    why = program.stdout.readline()
    assert ("when this process was forked" in why) == ("transaction" in held)
    assert program.wait(PATIENCE) == -signal.SIGKILL
    stage.run("client = TelemetryClient(); capture(client, range(300, 310)); assert client.flush()")
    stage.finish(program, None)
    stage.conclude()

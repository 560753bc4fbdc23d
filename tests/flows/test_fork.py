"""Parent and child of a fork each tell their own story, and nothing of either is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.conftest import PATIENCE

if TYPE_CHECKING:
    from tests.flows.conftest import Home

WAIT = """
def wait_for(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
ENDS = {"by exit": "sys.exit()", "by os._exit": "os._exit(0)"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("worker", ["", "assert client.flush()"], ids=["idle", "delivering"])
def test_child_and_parent_lose_nothing(home: Home, worker: str, end: str) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
say(client, 1)
{worker}
say(client, 2)
pid = os.fork()
if pid == 0:
    say(client, 3)
    {end}
say(client, 4)
wait_for(pid)
say(client, 5)
""")
    assert home.said() == [1, 2, 3, 4, 5]


def test_the_parents_flush_delivers_what_a_child_left(home: Home) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
pid = os.fork()
if pid == 0:
    say(client, 1)
    os._exit(0)
wait_for(pid)
assert client.flush().delivered == 1
""")


def test_a_child_that_forks_before_it_records_shares_no_id_with_its_own_child(home: Home) -> None:
    home.run(f"""{WAIT}
clock = type("Still", (), dict(time_ns=lambda self: 10**18, monotonic=lambda self: 0.0,
                               sleep=lambda self, s: None, wait=lambda self, b, t: b.wait(t)))()
client = TelemetryClient(clock=clock)
say(client, 0)
pid = os.fork()
if pid == 0:
    grandchild = os.fork()
    say(client, 1 if grandchild else 2)
    if grandchild:
        wait_for(grandchild)
    os._exit(0)
say(client, 3)
wait_for(pid)
os._exit(0)
""")
    assert home.said() == [0, 1, 2, 3]


def test_a_fork_in_a_thread_while_others_record_loses_nothing(home: Home) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
def record(first):
    for n in range(first, first + 2000):
        say(client, n)
def fork():
    for n in range(5):
        pid = os.fork()
        if pid == 0:
            say(client, n)
            os._exit(0)
        wait_for(pid)
threads = [threading.Thread(target=record, args=(1000 * n,)) for n in (10, 20)]
threads += [threading.Thread(target=fork)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""")
    assert home.said() == [*range(5), *range(10_000, 12_000), *range(20_000, 22_000)]


def test_two_threads_that_fork_at_once_leave_the_worker_running(home: Home) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
def fork():
    for _ in range(30):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        wait_for(pid)
say(client, 1)
assert client.flush()
threads = [threading.Thread(target=fork) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
while not any(thread.name == "telemetry-sqlite" for thread in threading.enumerate()):
    pass
os._exit(0)
""")


def test_a_signal_right_after_a_fork_reaches_the_program(home: Home) -> None:
    # Python drops what a handler raises within a hook; one of the standard library's may have it.
    shown = home.run(
        """
class Stop(BaseException): pass
def stop(signum, frame): raise Stop
signal.signal(signal.SIGTERM, stop)
client = TelemetryClient()
say(client, 1)
assert client.flush()
parent, stopped = os.getpid(), 0
for _ in range(20):
    try:
        pid = os.fork()
        if pid == 0:
            os.kill(parent, signal.SIGTERM)
            os._exit(0)
        os.waitpid(pid, 0)
    except Stop:
        stopped += 1
    try:
        os.wait()
    except ChildProcessError:
        pass
    assert client.flush()
print(stopped)
""",
        TELEMETRY_LINGER="0",
    )
    assert "telemetry_core" not in shown
    assert int(shown.split()[0]) + shown.count("Exception ignored in") == 20


def test_a_signal_while_a_fork_waits_for_a_worker_does_not_end_its_work(home: Home) -> None:
    home.run(f"""{WAIT}
entered, left, shipped, closed = threading.Event(), threading.Event(), [], []
class Slow:
    @hookimpl
    def ship_batch(self, batch):
        entered.set(); left.wait(60)
        shipped.extend(batch)
    def close(self):
        closed.append(1)
def stop(signum, frame): raise RuntimeError
signal.signal(signal.SIGALRM, stop)
client = TelemetryClient(plugins=[Slow()])
say(client, 1)
entered.wait()
os.register_at_fork(before=lambda: signal.setitimer(signal.ITIMER_REAL, 0.01))
try:
    if os.fork() == 0:
        os._exit(0)
except RuntimeError:  # it came late, on a slow machine
    pass
os.wait()
left.set()
say(client, 2)
while len(shipped) < 2: pass
client.close()
assert len(closed) == 1
""")


def test_where_no_thread_can_be_had_after_a_fork_a_later_record_resumes_delivery(
    home: Home,
) -> None:
    home.run(f"""{WAIT}
shipped = []
class Sink:
    @hookimpl
    def ship_batch(self, batch):
        shipped.extend(batch)
client = TelemetryClient(plugins=[Sink()])
say(client, 1)
assert client.flush()
threading.stack_size(1 << 46)  # more than there is
pid = os.fork()
if pid == 0:
    os._exit(0)
wait_for(pid)
threading.stack_size(0)
before = len(shipped)
while len(shipped) == before:
    say(client, 2)
""")


WITNESS = """
class Witness:
    def __init__(self):
        self.pid = os.getpid()
    def tell(self, what, getpid=os.getpid, write=os.write):  # also when the interpreter ends
        if getpid() != self.pid:
            write(1, what.encode() + b" in the child")
    @hookimpl
    def ship_batch(self, batch):
        self.tell("shipped")
    def close(self):
        self.tell("closed")
    def __del__(self):
        self.tell("finalised")
"""


@pytest.mark.parametrize("kept", ["Witness()", "witness"], ids=["unknown to it", "its own"])
def test_a_child_never_calls_closes_or_finalises_its_parents_plugins(home: Home, kept: str) -> None:
    output = home.run(f"""{WAIT}{WITNESS}
{"" if "(" in kept else "witness = Witness()"}
client = TelemetryClient(plugins=[{kept}])
say(client, 1)
client.flush()
pid = os.fork()
if pid == 0:
    say(client, 2)
    client.flush()
    client.close()
    del client
    sys.exit()
wait_for(pid)
""")
    assert "child" not in output


def test_a_childs_flush_tells_what_waits_for_its_parents_sink(home: Home) -> None:
    output = home.run(f"""{WAIT}
class Plain:
    def __init__(self):
        self.said = []
    @hookimpl
    def ship_batch(self, batch):
        self.said += [record.body.payload["n"] for record in batch]
plain = Plain()
client = TelemetryClient(plugins=[plain])
say(client, 1)
assert client.flush()
pid = os.fork()
if pid == 0:
    say(client, 2)
    report = client.flush()
    print(bool(report), report.sinks["plain"].pending, report.sinks["plain"].error)
    print(client.health().ok, client.health().sinks["plain"].message)
    print(client.get_stats()["sinks"]["plain"]["pending"])
    sys.exit()
wait_for(pid)
assert client.flush() and plain.said == [1, 2]
""")
    why = "delivered by the parent: a forked child cannot have this sink"
    assert output.splitlines() == [f"False 1 {why}", f"True {why}", "1"]


def test_a_childs_folder_is_cared_for_also_where_no_sink_is_its_own(home: Home) -> None:
    home.run(f"""{WAIT}
import shutil
class Plain:
    @hookimpl
    def ship_batch(self, batch):
        pass
config = load_config()
config.active = ()
client = TelemetryClient(config, plugins=[Plain()])
pid = os.fork()
if pid == 0:
    say(client, 1)
    folders = lambda: [path for path in base.glob("*") if path.is_dir()]
    base = Path(os.environ["TELEMETRY_BASE_DIR"]) / "spool"
    [folder] = folders()
    shutil.rmtree(folder)
    signal.alarm({PATIENCE})
    while not folders():
        os.sched_yield()
    os._exit(0)
wait_for(pid)
""")


def test_a_child_never_tears_the_transaction_its_parent_is_in(home: Home) -> None:
    home.run(f"""{WAIT}
import sqlite3
from pathlib import Path
class Store:
    def __init__(self):
        self.began, self.forked = threading.Event(), threading.Event()
        self.database = sqlite3.connect("own.sqlite", check_same_thread=False, isolation_level=None)
        self.database.execute("PRAGMA cache_size = 1")
        self.database.execute("CREATE TABLE t (x)")
    @hookimpl
    def ship_batch(self, batch):
        self.database.execute("BEGIN IMMEDIATE")
        self.database.executemany("INSERT INTO t VALUES (?)", [("x" * 9000,)] * 100)
        self.began.set(); self.forked.wait()
        self.database.execute("COMMIT")
store = Store()
client = TelemetryClient(plugins=[store])
say(client, 1)
store.began.wait()
pid = os.fork()
if pid == 0:
    sys.exit()
wait_for(pid)
assert Path("own.sqlite-journal").exists()
store.forked.set()
assert client.flush()
assert store.database.execute("SELECT count(*) FROM t").fetchone() == (100,)
assert store.database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
""")


def test_a_child_that_unwinds_the_program_ends_no_run_of_its_parent(home: Home) -> None:
    home.run(f"""{WAIT}
with TelemetryClient() as client:
    by_hand = client.start_run("by hand", "job")
    with client.track_run("tracked", "job"):
        pid = os.fork()
        if pid == 0:
            sys.exit()
        wait_for(pid)
    client.flush()
    client.end_run(by_hand)
""")
    assert home.runs("agent_name", "status", "inferred") == [
        ("by hand", "success", 0),
        ("tracked", "success", 0),
    ]


def test_a_run_that_a_child_started_and_left_open_ends_with_the_child(home: Home) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
client.start_run("parent", "job")
pid = os.fork()
if pid == 0:
    client.start_run("child", "job")
    sys.exit()
wait_for(pid)
client.flush()
os._exit(0)
""")
    assert home.rows("SELECT agent_name, status FROM agent_runs ORDER BY agent_name") == [
        ("child", "cancelled"),
        ("parent", "running"),
    ]


def test_a_closed_client_that_records_again_is_told_of_forks_too(home: Home) -> None:
    home.run(f"""{WAIT}
client = TelemetryClient()
say(client, 1)
client.close()
say(client, 2)
pid = os.fork()
if pid == 0:
    say(client, 3)
    print(len(list((Path(os.environ["TELEMETRY_BASE_DIR"]) / "spool").glob("*.lock"))), flush=True)
    os._exit(0)
wait_for(pid)
say(client, 4)
os._exit(0)
""")
    assert home.said() == [1, 2, 3, 4]


def test_a_fork_while_the_default_client_is_being_built_holds_up_nobody(home: Home) -> None:
    home.run(f"""{WAIT}
import telemetry_core
from telemetry_core import default
building, built = threading.Event(), threading.Event()
searching = TelemetryClient.searching
def slowly(*arguments):
    building.set(); built.wait()
    return searching(*arguments)
default.TelemetryClient.searching = slowly
thread = threading.Thread(target=telemetry_core.capture, args=("said", None, {{"n": 1}}))
thread.start()
building.wait()
pid = os.fork()
if pid == 0:
    built.set()
    signal.alarm(20)
    telemetry_core.capture("said", properties={{"n": 2}})
    os._exit(0)
built.set()
thread.join()
wait_for(pid)
""")
    assert home.said() == [1, 2]


def test_ids_of_parent_and_child_differ(home: Home) -> None:
    output = home.run(f"""{WAIT}
client = TelemetryClient()
client.capture("x")
pid = os.fork()
print(client.capture("x"), client.start_run("a", "j"), flush=True)
if pid == 0:
    os._exit(0)
wait_for(pid)
""")
    (one_event, one_run), (other_event, other_run) = map(str.split, output.splitlines())
    assert one_run != other_run
    assert one_event[-12:] != other_event[-12:]

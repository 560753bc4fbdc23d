"""However a program ends, what it said is delivered by it or by the next one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.flows.conftest import Home

FAR_TOO_LONG = 30  # seconds; a sink that hangs does so for longer than PATIENCE
HANGING = """
class Hanging:
    @hookimpl
    def ship_batch(self, batch):
        threading.Event().wait(600)
def config(**settings):
    settings = {"TELEMETRY_EXIT_TIMEOUT": "0.2", **settings}
    return load_config(environ={**os.environ, **settings})
"""


def test_what_is_recorded_after_close_is_found_by_the_next_process(home: Home) -> None:
    home.run("c = TelemetryClient(); say(c, 1); c.close(); say(c, 2); c.start_run('a', 'j')")
    assert home.said() == [1, 2]
    assert home.runs("status") == [("cancelled",)]


def test_closing_while_threads_record_loses_nothing(home: Home) -> None:
    home.run("""
client = TelemetryClient()
threads = [threading.Thread(target=say, args=(client, *range(n, n + 1500))) for n in (0, 1500)]
for thread in threads: thread.start()
while any(thread.is_alive() for thread in threads):
    client.close()
""")
    assert home.said() == list(range(3000))


def test_a_sink_that_hangs_holds_up_neither_the_program_nor_other_sinks(home: Home) -> None:
    output = home.run(f"""{HANGING}
client = TelemetryClient(config(), plugins=[Hanging()])
say(client, 1)
report = client.flush(0.5)
while not report.sinks["sqlite"].delivered:
    report = client.flush(0.5)
print(report.sinks["sqlite"].pending, report.sinks["hanging"].pending)
""")
    assert output.split() == ["0", "1"]
    assert home.rows("SELECT count(*) FROM run_events") == [(1,)]
    [folder] = home.folders()
    assert folder.with_name(folder.name + ".lock").exists()


def test_a_hundred_clients_whose_sinks_hang_leave_within_one_deadline(home: Home) -> None:
    home.run(f"""{HANGING}
import atexit, time
def end():
    os._exit(0 if time.monotonic() - begun < {FAR_TOO_LONG} else 1)
atexit.register(end)  # called last
hanging = config(TELEMETRY_EXIT_TIMEOUT="0.5")
hanging.active = ()
clients = [TelemetryClient(hanging, plugins=[Hanging()]) for _ in range(100)]
for client in clients:
    say(client, 1)
begun = time.monotonic()
""")
    assert len(home.folders()) == 100


def test_clients_beside_one_that_hangs_deliver_and_let_go(home: Home) -> None:
    home.run(f"""{HANGING}
patient = config(TELEMETRY_EXIT_TIMEOUT="4")  # enough for the others on a busy machine
clients = [TelemetryClient(patient) for _ in range(5)]
clients.insert(2, TelemetryClient(patient, plugins=[Hanging()]))
for n, client in enumerate(clients):
    say(client, n)
""")
    [folder] = home.folders()
    assert json.loads((folder / "owner.json").read_text())["owed"].keys() == {"sqlite", "hanging"}
    assert home.rows("SELECT count(*) FROM run_events") == [(6,)]


def test_a_hundred_clients_of_one_process_deliver_all(home: Home) -> None:
    home.run("""
clients = [TelemetryClient() for _ in range(100)]
for n, client in enumerate(clients):
    say(client, n)
""")
    assert home.said() == list(range(100))
    assert home.folders() == []


def test_one_flush_delivers_what_any_number_of_programs_left(home: Home) -> None:
    home.run("""
for n in range(40):
    client = TelemetryClient(load_config(environ={**os.environ, "TELEMETRY_LINGER": "600"}))
    say(client, n)
os._exit(0)
""")
    client = home.client()
    client.flush(60)
    found = home.rows("SELECT count(*) FROM run_events")
    client.close()
    assert found == [(40,)]


def test_a_programs_own_random_numbers_stay_its_own(home: Home) -> None:
    home.run("""
import random
class Failing:
    @hookimpl
    def ship_batch(self, batch): raise RuntimeError
random.seed(1)
state = random.getstate()
client = TelemetryClient(plugins=[Failing()])
with client.track_run("agent", "job"):
    say(client, 1)
client.flush()
client.close()
assert random.getstate() == state
""")


def test_a_signal_handler_may_record_while_the_program_records(home: Home) -> None:
    handled = home.run("""
from itertools import count
client = TelemetryClient()
numbers = count(1_000_000)
def handle(*_):  # asks for the next signal last: on a slow machine handlers would pile up
    say(client, next(numbers))
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0002)
for n in range(3000):
    say(client, n)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(next(numbers))
""")
    assert home.said() == [*range(3000), *range(1_000_000, int(handled.split()[0]))]


def test_what_a_signal_handler_records_within_the_first_record_is_on_the_disk_after_it(
    home: Home,
) -> None:
    home.run("""
client = TelemetryClient()
def handle(*_):
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    say(client, 2)
signal.signal(signal.SIGUSR1, handle)
sys.addaudithook(lambda event, _: event == "os.mkdir" and signal.raise_signal(signal.SIGUSR1))
say(client, 1)
os._exit(0)
""")
    assert home.said() == [1, 2]


def test_a_first_record_that_is_interrupted_leaves_the_workers_to_the_next(home: Home) -> None:
    home.run(
        """
client = TelemetryClient()
start = threading.Thread.start
def interrupted(thread):
    threading.Thread.start = start
    raise KeyboardInterrupt
threading.Thread.start = interrupted
try:
    say(client, 1)
except KeyboardInterrupt:
    say(client, 2)
""",
        TELEMETRY_EXIT_TIMEOUT=str(FAR_TOO_LONG),
    )
    assert home.rows("SELECT count(*) FROM run_events") == [(2,)]


def test_runs_left_open_that_fill_a_segment_are_not_repeated_at_every_record(home: Home) -> None:
    home.run(
        """
client = TelemetryClient()
for n in range(30):
    client.start_run("agent", "job", input_summary="x" * 300_000)
base = Path(os.environ["TELEMETRY_BASE_DIR"])
def written(): return sum(path.stat().st_size for path in base.rglob("critical-*.seg"))
before = written()
for n in range(40):
    client.capture_exception(ValueError(n))
assert written() - before < 12_000_000, written() - before
os._exit(0)
""",
        TELEMETRY_LINGER="600",
    )

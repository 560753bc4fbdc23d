"""A disk that is full: what memory can hold waits there, the rest is refused and counted."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from benchmarks.sink_server.marks import marks
from tests.chaos.disks import FILLS, small_disk
from tests.chaos.halves import halves

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from tests.chaos.stage import Stage

BEGINS = f"""{FILLS}
disk = sys.argv[1]
client = TelemetryClient()
capture(client, range(50))
assert client.flush()
"""
MAY_NOT_GROW = """
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
client = TelemetryClient()
capture(client, range(50))
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
def grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
"""
MAY_GROW_BY_100_BYTES = f"""
base = Path(os.environ["TELEMETRY_BASE_DIR"])
{MAY_NOT_GROW}
[segment] = base.rglob("standard-*.seg")
most = segment.stat().st_size + 100
resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
"""
PLACES = {
    "everything": "",
    "the spool": "spool",
    "the database": "db",
    "the files of ndjson": "raw",
}
# Every tenth; of a sink that refuses everything one would think that it is the sink.
PICKY = """
from telemetry_core import Receipt, Rejection
class Picky:
    @hookimpl
    def ship_batch(self, batch):
        marks = {record.id: record.body.payload["mark"] for record in batch}
        refused = {i: Rejection("no", "never") for i, told in marks.items() if told[-2] == "0"}
        with open("picked", "a") as picked:
            picked.writelines(told for i, told in marks.items() if i not in refused)
        return Receipt.of(rejected=refused, delivered=set(marks) - set(refused))
"""


@pytest.mark.chaos("a disk is full for a while", "disk")
@pytest.mark.parametrize("place", halves(PLACES, "everything"))
def test_a_disk_that_is_full_for_a_while_loses_nothing(
    stages: Callable[..., Stage], place: str
) -> None:
    stage = stages("sqlite", "ndjson")
    with small_disk(stage.base_dir / place) as disk:
        stage.run(
            f"""{BEGINS}
fill(disk)
capture(client, range(100, 150))
client.flush(1)
free(disk)
capture(client, range(200, 250))
assert client.flush(30)
""",
            str(disk),
        )
        assert len(stage.recorded()) == 150
        stage.conclude()


@pytest.mark.chaos("a disk is full and the program ends", "disk")
def test_what_found_no_room_until_the_program_ended_is_counted(
    stages: Callable[..., Stage],
) -> None:
    stage = stages("sqlite", "ndjson")
    with small_disk(stage.base_dir) as disk:
        stage.run(
            f"""{BEGINS}
fill(disk)
capture(client, range(100, 150), size=5000)
client.close()
admit(client.flush(0))
""",
            str(disk),
            TELEMETRY_EXIT_TIMEOUT="0.2",
        )
        (disk / "ballast").unlink()
        stage.conclude()
        assert stage.account("sqlite").gone["not accepted"] > 0


@pytest.mark.chaos("a disk and the memory are full", "disk")
@pytest.mark.whole
def test_what_finds_no_room_in_memory_either_is_counted(stages: Callable[..., Stage]) -> None:
    stage = stages("sqlite", "ndjson")
    stage.run(f"""{MAY_NOT_GROW}
capture(client, range(100, 160), size=400_000)
grow()
capture(client, range(200, 210))
client.flush(30)
client.close()
admit(client.flush(0))
""")
    stage.conclude()
    assert stage.account("sqlite").gone["not accepted"] > 0


@pytest.mark.chaos("more than `max_bytes`, and no sink takes any of it", "disk")
def test_what_is_dropped_for_room_is_counted(stage: Stage) -> None:
    stage.run(
        """
client = TelemetryClient()
say(client, run_id(client), range(120), 110_000)
admit(client.flush(60))
os._exit(0)
""",
        TELEMETRY_LINGER="600",
        TELEMETRY_MAX_BYTES=f"{4 << 20}",
    )
    stage.conclude()
    assert stage.account("sqlite").gone["dropped"] > 0
    assert stage.rows("SELECT status FROM agent_runs") == [("cancelled",)]


@pytest.mark.chaos("a disk too full for cursors, and SIGKILL", "disk")
@pytest.mark.whole
def test_where_no_cursor_finds_room_records_come_again(stages: Callable[..., Stage]) -> None:
    stage = stages("sqlite", "ndjson")
    with small_disk(stage.base_dir / "spool") as disk:
        program = stage.start(
            f"""{FILLS}
client = TelemetryClient()
capture(client, range(50))
fill(sys.argv[1])
client.flush()
os.kill(os.getpid(), signal.SIGKILL)
""",
            str(disk),
            TELEMETRY_LINGER="600",
        )
        stage.finish(program, -signal.SIGKILL)
        (disk / "ballast").unlink()
        stage.conclude()
        assert (stage.account("sqlite").twice, stage.account("ndjson").twice) == (0, 50)


@pytest.mark.chaos("a disk too full for dead letters", "disk")
def test_a_letter_that_finds_no_room_is_written_when_there_is_some(
    stages: Callable[..., Stage],
) -> None:
    stage = stages("sqlite")
    stage.destinations["picky"] = lambda: picked(stage)
    with small_disk(stage.base_dir) as disk:
        stage.run(
            f"""{PICKY}{BEGINS.replace("TelemetryClient()", "TelemetryClient(plugins=[Picky()])")}
fill(disk)
capture(client, range(100, 150))
client.flush(1)
free(disk)
capture(client, range(200, 250))
assert client.flush(30)
""",
            str(disk),
        )
        stage.conclude()
        account = stage.account("picky")
    stage.ledger.append(("a picky one", account))
    account.balances()
    assert len(account.buried) == 15


def picked(stage: Stage) -> Counter[int]:
    return marks((stage.home / "picked").read_bytes())


@pytest.mark.chaos("files may not grow for a while", "disk")
def test_where_files_may_not_grow_for_a_while_nothing_is_lost(stage: Stage) -> None:
    stage.run(f"""{MAY_NOT_GROW}
capture(client, range(100, 150))
grow()
client.close()
""")
    assert len(stage.recorded()) == 100
    stage.conclude()


@pytest.mark.chaos("a disk takes half of a record, then none, recovers, and SIGKILL", "disk")
@pytest.mark.parametrize("durability", ["process", "always"])
def test_what_the_disk_took_half_of_is_on_it_once_it_recovers(
    stage: Stage, durability: str
) -> None:
    stage.run(
        f"""{MAY_GROW_BY_100_BYTES}
capture(client, range(100, 150))
assert segment.stat().st_size == most
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
capture(client, range(200, 250))
grow()
signal.alarm(30)
pause = threading.Event()
def whole_lines():
    lines = [line for path in base.rglob("*.seg") for line in path.read_bytes().split(b"\\n")[:-1]]
    return sum(b"mk-" in line for line in lines)
while whole_lines() < 150:
    pause.wait(0.01)
os.kill(os.getpid(), signal.SIGKILL)
""",
        code=-signal.SIGKILL,
        TELEMETRY_LINGER="600",
        TELEMETRY_DURABILITY=durability,
    )
    assert len(stage.recorded()) == 150
    stage.conclude()

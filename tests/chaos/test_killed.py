"""A program that is killed at any moment loses nothing that it was told was recorded."""

from __future__ import annotations

import random
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.file_layer import CHANGES, KILL, WRITE, recorded_changes
from tests.chaos.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.file_layer import Change
    from tests.chaos.stage import Stage

BEFORE_DELIVERY = (1, 300)
AMID_IT = (1000, 8000)
BEYOND_A_ROLL = (30_000, 60_000)
TELLS_ON = """
from itertools import count
client = TelemetryClient()
say(client, run_id(client), count())
"""
OPENS = """
client = TelemetryClient()
say(client, run_id(client), range(3))
os._exit(0)
"""
ROLLS = """
client = TelemetryClient()
run = run_id(client)
say(client, run, range(40), 110_000)
os._exit(0)
"""
MOST_MOMENTS = 150  # of a case; a commit has several hundred, most of them much like the next
A_BATCH = 8
DELIVERS = f"""
client = TelemetryClient()
run = run_id(client)
for begin in range(0, 40, {A_BATCH}):
    say(client, run, range(begin, begin + {A_BATCH}))
    client.flush()
client.close()
"""
HAS_DELIVERED = """
client = TelemetryClient()
capture(client, range(20))
assert client.flush(60)
os.kill(os.getpid(), signal.SIGKILL)
"""
LEAVES = """
client = TelemetryClient(load_config(environ={**os.environ, "TELEMETRY_LINGER": "600"}))
say(client, run_id(client), range(20))
os._exit(0)
"""
ADOPTS = """
client = TelemetryClient()
capture(client, range(20, 30))
client.flush()
client.close()
"""
FLUSHES = """
sys.argv[1:] = ["flush", "--json"]
from telemetry_core.cli import main
main()
"""


def killed_at_a_random_moment(
    stage: Stage, span: tuple[int, int], durability: str, linger: str
) -> None:
    last = random.randint(*span)
    program = stage.start(TELLS_ON, TELEMETRY_DURABILITY=durability, TELEMETRY_LINGER=linger)
    until(lambda: program.poll() is not None or stage.returned(last), f"{last} was told")
    assert not stage.kill(program)
    assert program.returncode == -signal.SIGKILL
    stage.conclude()
    assert stage.rows("SELECT status, inferred FROM agent_runs") == [("cancelled", 1)]


@pytest.mark.chaos("SIGKILL at a random moment", "killed")
def test_a_program_killed_at_a_random_moment_loses_nothing(
    stages: Callable[..., Stage], whole: bool
) -> None:
    for attempt in range(100 if whole else 2):
        durability = ("process", "interval", "always")[attempt % 3]
        span = BEYOND_A_ROLL if attempt % 12 == 9 else (BEFORE_DELIVERY, AMID_IT)[attempt % 2]
        linger = "0" if span is AMID_IT else "0.1"
        killed_at_a_random_moment(stages(), span, durability, linger)


@pytest.mark.chaos("SIGKILL once all was delivered", "killed")
def test_what_was_delivered_before_a_kill_is_not_delivered_again(
    stages: Callable[..., Stage],
) -> None:
    stage = stages("ndjson")
    stage.run(HAS_DELIVERED, code=-signal.SIGKILL)
    stage.conclude()
    assert stage.account("ndjson").twice == 0


Moment = tuple[int, str, str]


def moments(changes: list[Change]) -> list[Moment]:
    """Return every moment at which one can be killed: the change, how, and what it is of."""
    found = []
    for number, change in enumerate(changes):
        text = f"{change.kind} {change.path}"
        found.append((number, "before", text))
        found += [(number, "halfway", text)] * (change.kind == WRITE)
    return [*found, (len(changes) - 1, "after", text)]


@pytest.fixture
def killed_within(stages: Callable[..., Stage], whole: bool) -> Callable[..., None]:
    """Return what kills a program inside such changes: at each moment of them, or at a few."""

    def kill_within(
        which: str,
        *programs: str,
        sinks: tuple[str, ...] = ("sqlite",),
        few: int = 1,
        **environ: str,
    ) -> None:
        undisturbed = stages(*sinks)
        log = undisturbed.home / "changes"
        play(undisturbed, programs, 0, **environ, **{CHANGES: str(log)})
        undisturbed.conclude()
        changes = [change for change, _told in recorded_changes(log)]
        every = moments([c for c in changes if re.search(which, f"{c.kind} {c.path}")])
        tries = min(len(every), MOST_MOMENTS) if whole else few
        for number, how, what in sorted(random.sample(every, tries)):
            stage = stages(*sinks)
            try:
                play(stage, programs, None, **environ, **{KILL: f"{which} {number} {how}"})
                stage.conclude()
                assert all(
                    account.twice <= A_BATCH for _sink, account in stage.ledger[-len(sinks) :]
                )
            except AssertionError as error:
                error.add_note(f"killed {how} change {number}: {what}")
                raise

    return kill_within


def play(stage: Stage, programs: tuple[str, ...], code: int | None, **environ: str) -> None:
    """Run programs one after the other; the last one is what is watched or killed."""
    *first, last = programs
    for source in first:
        stage.run(source)
    program = stage.start(last, **environ)
    stage.finish(program, code)
    assert program.returncode in {0, -signal.SIGKILL}


@pytest.mark.chaos("SIGKILL inside the opening of a spool folder", "killed")
def test_nothing_is_lost_inside_the_opening_of_a_folder(killed_within: Callable[..., None]) -> None:
    killed_within(r"^(mkdir|create|write|rename) .*/spool", OPENS)


@pytest.mark.chaos("SIGKILL inside a segment roll", "killed")
def test_nothing_is_lost_inside_a_segment_roll(killed_within: Callable[..., None]) -> None:
    killed_within(r"-000002\.seg$", ROLLS)


@pytest.mark.chaos("SIGKILL inside a cursor write", "killed")
def test_nothing_is_lost_inside_a_cursor_write(killed_within: Callable[..., None]) -> None:
    killed_within(r"/cursors/", DELIVERS)


@pytest.mark.chaos("SIGKILL inside a SQLite commit", "killed")
def test_nothing_is_lost_inside_a_commit(killed_within: Callable[..., None]) -> None:
    killed_within(r"/db", DELIVERS)


@pytest.mark.chaos("SIGKILL inside an NDJSON append", "killed")
def test_nothing_is_lost_inside_an_append(killed_within: Callable[..., None]) -> None:
    killed_within(r"/raw", DELIVERS, sinks=("ndjson",))


@pytest.mark.chaos("SIGKILL inside the writing of dead letters", "killed")
def test_nothing_is_lost_inside_a_burial(killed_within: Callable[..., None]) -> None:
    killed_within(r"dead_letters", DELIVERS, sinks=("picky",))


@pytest.mark.chaos("SIGKILL inside the removal of what is delivered", "killed")
def test_nothing_is_lost_inside_the_removal_of_a_folder(
    killed_within: Callable[..., None],
) -> None:
    killed_within(r"^(unlink|rmdir) .*/spool", DELIVERS, sinks=("sqlite", "ndjson"))


@pytest.mark.chaos("SIGKILL inside the adoption of a dead program's folder", "killed")
def test_nothing_is_lost_inside_an_adoption(killed_within: Callable[..., None]) -> None:
    killed_within(r"/spool", LEAVES, ADOPTS)


@pytest.mark.chaos("SIGKILL inside `telemetry flush` of a dead program's folder", "killed")
def test_nothing_is_lost_inside_the_command_flush(killed_within: Callable[..., None]) -> None:
    killed_within(r"/telemetry", LEAVES, FLUSHES)

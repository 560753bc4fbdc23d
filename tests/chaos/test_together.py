"""Programs that share a base directory, and whoever flushes it meanwhile, lose nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.stage import Stage

TELLS = """
begin, end = map(int, sys.argv[1:])
client = TelemetryClient()
run = run_id(client)
for number in range(begin, end, 100):
    say(client, run, range(number, number + 100))
"""
FLUSHES = """
from telemetry_core.cli import main
sys.argv[1:] = ["flush", "--json"]
print(flush=True)
while True:
    try:
        main()
    except SystemExit:
        if not os.path.exists("told"):
            continue
        raise
"""
LEAVES = f"{TELLS}os._exit(0)"


def tell_together(stage: Stage, source: str, processes: range, each: int) -> None:
    """Run programs at once until the end, each with numbers of its own."""
    began = [stage.start(source, f"{n * each}", f"{(n + 1) * each}") for n in processes]
    for program in began:
        stage.finish(program)


@pytest.mark.chaos("two processes, and `telemetry flush` over and over", "together")
def test_a_flush_beside_two_programs_takes_nothing_from_them(
    stages: Callable[..., Stage], whole: bool
) -> None:
    stage = stages("sqlite", "ndjson")
    flushing = stage.start(FLUSHES)
    assert flushing.stdout is not None
    flushing.stdout.readline()
    tell_together(stage, TELLS, range(2), 20_000 if whole else 1000)
    tell_together(stage, LEAVES, range(2, 4), 20_000 if whole else 1000)
    (stage.home / "told").touch()
    stage.finish(flushing, None)
    stage.conclude()


@pytest.mark.chaos("three processes deliver into one SQLite database", "together")
def test_three_programs_share_one_database(stages: Callable[..., Stage], whole: bool) -> None:
    stage = stages()
    tell_together(stage, TELLS, range(3), 20_000 if whole else 1000)
    stage.conclude()
    assert stage.rows("SELECT count(*) FROM agent_runs") == [(3,)]


@pytest.mark.chaos(
    "three processes that are killed while they share one SQLite database", "together"
)
def test_three_programs_are_killed_while_they_share_one_database(stage: Stage) -> None:
    began = [stage.start(TELLS, f"{n * 200_000}", f"{(n + 1) * 200_000}") for n in range(3)]
    for n, program in enumerate(began):
        last = n * 200_000 + 150
        until(lambda last=last: stage.returned(last), f"{last} was told")  # type: ignore[misc]
        stage.kill(program)
    stage.conclude()
    assert stage.rows("SELECT status, inferred FROM agent_runs") == [("cancelled", 1)] * 3


@pytest.mark.chaos("three processes flush what three dead ones left", "together")
def test_programs_that_flush_at_once_deliver_everything_once(stages: Callable[..., Stage]) -> None:
    stage = stages("sqlite", "ndjson")
    tell_together(stage, LEAVES, range(3), 100)
    (stage.home / "told").touch()
    flushing = [stage.start(FLUSHES) for _ in range(3)]
    for program in flushing:
        stage.finish(program, None)
    stage.conclude()


@pytest.mark.chaos("a program of another service ends beside what a dead one left", "together")
def test_nobody_delivers_what_another_service_left(stages: Callable[..., Stage]) -> None:
    stage = stages(settings='service = "one"\n')
    stage.run(LEAVES, "0", "100", TELEMETRY_LINGER="600")
    stage.run(f"{TELLS}client.close()", "100", "200", TELEMETRY_SERVICE="two")
    assert stage.rows("SELECT count(*) FROM run_events") == [(100,)]
    stage.conclude()


@pytest.mark.chaos("`telemetry flush` beside a program that keeps its records", "together")
def test_a_flush_takes_nothing_from_a_program_that_lives(stages: Callable[..., Stage]) -> None:
    stage = stages("sqlite", "ndjson")
    keeps = f"{TELLS}print(flush=True); sys.stdin.readline()"
    program = stage.start(keeps, "0", "100", TELEMETRY_LINGER="600")
    assert program.stdout is not None
    program.stdout.readline()
    (stage.home / "told").touch()
    stage.finish(stage.start(FLUSHES), None)
    assert stage.rows("SELECT id FROM run_events") == []
    stage.finish(program)
    stage.conclude()
    assert stage.account("ndjson").twice == 0

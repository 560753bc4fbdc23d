"""What one process tells all its engines: forks and the exit, each within one deadline."""

from __future__ import annotations

import gc

import pytest

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.process import FORK_PATIENCE, Process


class Engine:
    """Notes what it is told."""

    def __init__(self, exit_timeout: float = 2.0, *, fails: bool = False) -> None:
        self.exit_timeout = exit_timeout
        self.fails = fails
        self.told: list[str] = []
        self.spans: list[float] = []

    def _note(self, what: str) -> None:
        self.told.append(what)
        if self.fails:
            raise RuntimeError(what)

    def rest(self, timeout: float) -> None:
        self.spans.append(timeout)
        self._note("rest")

    def resume(self) -> None:
        self._note("resume")

    def leave_to_parent(self) -> None:
        self._note("leave")

    def ask_for_last_deliveries(self) -> None:
        self._note("ask")

    def finish(self, deadline: float) -> None:
        self.spans.append(deadline - SystemClock.monotonic())
        self._note("finish")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    process = Process()
    process._listening = True  # this very process goes on
    return process


def test_at_the_exit_all_are_asked_before_any_is_waited_for(process: Process) -> None:
    order: list[str] = []
    engines = [Engine(), Engine()]
    for engine in engines:
        engine.told = order
        process.join(engine)
    process.exit()
    assert order == ["ask", "ask", "finish", "finish"]


def test_all_share_the_longest_deadline(process: Process) -> None:
    engines = [Engine(1.0), Engine(500.0)]
    for engine in engines:
        process.join(engine)
    process.exit()
    assert all(400 < engine.spans[0] <= 500 for engine in engines)


def test_one_that_had_its_time_is_not_waited_for_again(process: Process) -> None:
    closed, open_ = Engine(0.0), Engine(500.0)
    for engine in (closed, open_):
        process.join(engine)
    process.exit()
    assert closed.spans[0] <= 0
    assert open_.spans[0] > 400


def test_an_engine_that_fails_at_the_exit_is_no_others_loss(process: Process) -> None:
    engines = [Engine(fails=True) for _ in range(3)]
    for engine in engines:
        process.join(engine)
    process.exit()
    assert [engine.told for engine in engines] == [["ask", "finish"]] * 3


def test_an_exit_without_engines_is_nothing(process: Process) -> None:
    process.exit()


def test_before_a_fork_all_rest_within_one_span_and_go_on_after_it(process: Process) -> None:
    engines = [Engine(), Engine()]
    for engine in engines:
        process.join(engine)
    process._before_fork()
    process._resume()
    assert [engine.told for engine in engines] == [["rest", "resume"]] * 2
    assert all(0 <= engine.spans[0] <= FORK_PATIENCE for engine in engines)


def test_a_child_leaves_its_parents_engines_alone_and_so_does_its_own_child(
    process: Process,
) -> None:
    parents, own = Engine(), Engine()
    process.join(parents)
    process._after_fork_in_child()
    process.join(own)
    process.exit()
    assert (parents.told, own.told) == (["leave"], ["ask", "finish"])
    process._after_fork_in_child()
    assert (parents.told, own.told) == (["leave", "leave"], ["ask", "finish", "leave"])


def test_engines_that_nobody_holds_are_forgotten(process: Process) -> None:
    process.join(Engine())
    gc.collect()
    assert process._present() == []


def test_what_a_child_inherited_is_never_collected() -> None:
    finalised: list[int] = []

    class Parents(Engine):
        def __del__(self) -> None:
            finalised.append(1)

    process = Process()
    process._listening = True
    process.join(parents := Parents())
    process._after_fork_in_child()
    del process, parents
    gc.collect()
    assert finalised == []

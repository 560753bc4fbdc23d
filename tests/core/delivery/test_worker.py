from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.worker import GIVES_WAY, Worker

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock

PATIENCE = 10.0  # real seconds for what takes microseconds; only a failing test waits so long


class Steps:
    """A step function that does what the test says and tells when it was called."""

    def __init__(self, *answers: float | BaseException | None) -> None:
        self.answers = list(answers)
        self.forced: list[bool] = []
        self.threads: set[threading.Thread] = set()
        self.called = threading.Semaphore(0)

    def __call__(self, *, force: bool = False) -> float | None:
        self.forced.append(force)
        self.threads.add(threading.current_thread())
        self.called.release()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.called.acquire(timeout=PATIENCE)


class Gate:
    """A step that hangs until the test lets it go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, *, force: bool = False) -> float | None:
        self.entered.set()
        assert self.open.wait(PATIENCE)
        return None


Build = Callable[..., Worker]


@pytest.fixture
def build(telemetry_clock: FakeClock) -> Iterator[Build]:
    """Build workers on the fake clock, and end them when the test does."""
    workers: list[Worker] = []

    def build(step: Any, **settings: Any) -> Worker:
        worker = Worker("w", step, telemetry_clock, report=lambda *_, **__: None, **settings)
        workers.append(worker)
        return worker

    yield build
    for worker in workers:
        worker.stop()
        assert worker.rest(PATIENCE)


def test_no_thread_lives_before_the_start(build: Build) -> None:
    assert not build(Steps()).running


def test_it_runs_on_one_daemon_thread_of_its_own(build: Build) -> None:
    steps = Steps(0.0, 0.0)
    worker = build(steps)
    assert worker.start()
    assert worker.start()
    steps.wait_for(4)
    (thread,) = steps.threads
    assert (thread.daemon, thread.name) == (True, "telemetry-w")
    assert thread is not threading.current_thread()


def test_the_sink_is_built_on_the_thread_before_the_first_step(build: Build) -> None:
    order: list[object] = []
    steps = Steps()
    worker = build(steps, build=lambda: order.extend([len(steps.forced), threading.get_ident()]))
    worker.start()
    steps.wait_for(1)
    assert order[0] == 0
    assert order[1] != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no such host"), SystemExit("no")])
def test_a_sink_that_cannot_be_built_is_off_and_keeps_nobody_waiting(
    build: Build, error: BaseException
) -> None:
    def broken() -> None:
        raise error

    steps = Steps()
    worker = build(steps, build=broken)
    worker.start()
    assert worker.request_flush().wait(PATIENCE)
    assert worker.error is not None
    assert str(error) in worker.error
    assert steps.forced == []


def test_a_stopped_worker_is_closed_on_its_thread_after_the_last_step(build: Build) -> None:
    closed: list[threading.Thread] = []
    steps = Steps()
    worker = build(steps, end=lambda: closed.append(threading.current_thread()))
    worker.start()
    steps.wait_for(1)
    worker.stop()
    assert worker.rest(PATIENCE)
    assert set(closed) == steps.threads


def test_a_close_that_raises_harms_nobody(build: Build) -> None:
    def broken() -> None:
        raise SystemExit

    steps = Steps()
    worker = build(steps, end=broken)
    worker.start()
    steps.wait_for(1)
    worker.stop()
    assert worker.rest(PATIENCE)


# -- waking and waiting


def test_an_idle_worker_stands_in_the_alarm_and_wakes_by_it(
    build: Build, telemetry_clock: FakeClock
) -> None:
    alarm, steps = Alarm(), Steps()
    worker = build(steps, alarm=alarm, linger=0.0)
    worker.start()
    telemetry_clock.wait_for_waiters()
    assert alarm.waiting == {worker}
    steps.wait_for(2)
    alarm.ring()
    steps.wait_for(1)


def test_a_worker_lingers_before_its_first_batch_too(
    build: Build, telemetry_clock: FakeClock
) -> None:
    steps = Steps()
    build(steps, linger=0.5).start()
    telemetry_clock.wait_for_waiters()
    assert steps.forced == []
    telemetry_clock.advance(0.5)
    steps.wait_for(1)


def test_a_flush_keeps_the_first_batch_waiting_for_nothing(build: Build) -> None:
    worker = build(Steps(), linger=3600.0)
    worker.start()
    assert worker.request_flush().wait(PATIENCE)


def test_before_it_waits_it_looks_once_more_for_what_came_meanwhile(
    build: Build, telemetry_clock: FakeClock
) -> None:
    alarm = Alarm()
    seen: list[bool] = []

    def step(*, force: bool = False) -> float | None:
        seen.append(bool(alarm.waiting))
        return None

    build(step, alarm=alarm).start()
    telemetry_clock.wait_for_waiters()
    assert seen == [False, True]


def test_after_waking_it_lingers_so_that_a_batch_fills(
    build: Build, telemetry_clock: FakeClock
) -> None:
    alarm, steps = Alarm(), Steps()
    build(steps, alarm=alarm, linger=0.5).start()
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(0.5)
    steps.wait_for(2)
    telemetry_clock.wait_for_waiters()
    alarm.ring()
    wait_until(lambda: not alarm.waiting)
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(0.4)
    telemetry_clock.wait_for_waiters()
    assert len(steps.forced) == 2
    telemetry_clock.advance(0.1)
    steps.wait_for(1)


@pytest.fixture
def in_a_burst(build: Build, telemetry_clock: FakeClock) -> tuple[Worker, Steps]:
    """Give a worker that found a full batch behind the first and lingers before the second."""
    alarm, steps = Alarm(), Steps(None, None, *[0.0] * 9)
    worker = build(steps, alarm=alarm, linger=0.5)
    worker.start()
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(0.5)
    wait_until(lambda: bool(alarm.waiting))
    telemetry_clock.wait_for_waiters()
    alarm.ring()
    wait_until(lambda: not alarm.waiting)
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(0.5)
    steps.wait_for(3)
    telemetry_clock.wait_for_waiters()
    return worker, steps


def test_in_a_burst_it_leaves_the_program_its_time_between_batches(
    in_a_burst: tuple[Worker, Steps], telemetry_clock: FakeClock
) -> None:
    _, steps = in_a_burst
    assert len(steps.forced) == 3
    telemetry_clock.advance(0.5)
    steps.wait_for(1)


def test_a_burst_that_does_not_end_is_delivered_without_a_break(
    in_a_burst: tuple[Worker, Steps], telemetry_clock: FakeClock
) -> None:
    _, steps = in_a_burst
    telemetry_clock.advance(GIVES_WAY)
    steps.wait_for(9)


def test_a_flush_does_not_leave_the_program_its_time(in_a_burst: tuple[Worker, Steps]) -> None:
    worker, steps = in_a_burst
    assert worker.request_flush().wait(PATIENCE)
    assert steps.answers == []


def test_during_a_back_off_records_wake_nobody(build: Build, telemetry_clock: FakeClock) -> None:
    alarm, steps = Alarm(), Steps(20.0, 20.0)
    build(steps, alarm=alarm).start()
    telemetry_clock.wait_for_waiters()
    assert alarm.waiting == set()
    assert len(steps.forced) == 1


def test_a_back_off_ends_in_its_time(build: Build, telemetry_clock: FakeClock) -> None:
    steps = Steps(20.0)
    build(steps).start()
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(20)
    steps.wait_for(3)


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_a_step_that_raises_is_repeated_after_a_while(
    build: Build, telemetry_clock: FakeClock, error: BaseException
) -> None:
    steps = Steps(error)
    worker = build(steps)
    worker.start()
    telemetry_clock.wait_for_waiters()
    assert len(steps.forced) == 1
    telemetry_clock.advance(1)
    steps.wait_for(2)
    assert worker.running


# -- flushing


def test_a_flush_goes_on_until_nothing_is_left_and_forces_the_first_step(build: Build) -> None:
    steps = Steps()
    worker = build(steps)
    worker.start()
    steps.wait_for(2)
    steps.answers, steps.forced = [0.0, 0.0, None], []
    assert worker.request_flush().wait(PATIENCE)
    assert steps.forced[:3] == [True, False, False]


def test_a_flush_breaks_off_a_back_off_and_ends_with_the_next_one(
    build: Build, telemetry_clock: FakeClock
) -> None:
    steps = Steps(60.0, 60.0)
    worker = build(steps)
    worker.start()
    telemetry_clock.wait_for_waiters()
    assert worker.request_flush().wait(PATIENCE)
    assert steps.forced == [False, True]


def test_a_flush_does_not_linger(build: Build, telemetry_clock: FakeClock) -> None:
    steps = Steps()
    worker = build(steps, linger=3600.0)
    worker.start()
    telemetry_clock.wait_for_waiters()
    assert worker.request_flush().wait(PATIENCE)


def test_a_flush_lasts_through_the_back_off_of_a_worker_that_goes_on(
    build: Build, telemetry_clock: FakeClock
) -> None:
    steps = Steps(0.5)
    worker = build(steps, goes_on=lambda: True)
    flushed = worker.request_flush()
    worker.start()
    telemetry_clock.wait_for_waiters()
    assert (steps.forced, flushed.done) == ([True], False)
    telemetry_clock.advance(0.5)
    steps.wait_for(2)
    assert worker.request_flush().wait(PATIENCE)
    assert flushed.done


def test_a_call_in_flight_is_not_waited_for(build: Build) -> None:
    gate = Gate()
    worker = Worker("w", gate, SystemClock(), report=lambda *_, **__: None)
    worker.start()
    assert gate.entered.wait(PATIENCE)
    assert not worker.request_flush().wait(0.01)
    assert worker.waited_for >= 0.01
    gate.open.set()
    assert worker.request_flush().wait(PATIENCE)
    assert worker.waited_for == 0.0
    worker.stop()
    assert worker.rest(PATIENCE)


def test_a_flush_from_its_own_thread_does_not_wait_for_itself(build: Build) -> None:
    answers: list[bool] = []

    def step(*, force: bool = False) -> float | None:
        if not answers:
            answers.append(worker.request_flush().wait(PATIENCE))
        return None

    worker = build(step)
    worker.start()
    assert worker.request_flush().wait(PATIENCE)
    assert answers == [False]


def test_a_flush_of_a_worker_that_never_started_ends_at_once(build: Build) -> None:
    assert not build(Steps()).request_flush().wait(PATIENCE)


def test_stopping_answers_who_waits_for_a_flush(build: Build) -> None:
    gate = Gate()
    worker = build(gate)
    worker.start()
    assert gate.entered.wait(PATIENCE)
    ticket = worker.request_flush()
    worker.stop()
    gate.open.set()
    assert not ticket.wait(PATIENCE)
    assert worker.rest(PATIENCE)


def test_a_stopped_worker_leaves_no_request_open_and_no_time_is_spent(build: Build) -> None:
    worker = build(Steps())
    worker.start()
    worker.stop()
    ticket = worker.request_flush()
    assert not ticket.open
    assert not ticket.wait(PATIENCE)


def test_a_request_nobody_works_at_is_not_open(build: Build) -> None:
    assert not build(Steps()).request_flush().open


def test_after_the_last_flush_the_thread_ends_by_itself(build: Build) -> None:
    steps = Steps(60.0, 0.0, 0.0, None)
    closed = threading.Event()
    worker = build(steps, end=closed.set)
    worker.start()
    steps.wait_for(1)
    assert worker.request_flush(last=True).wait(PATIENCE)
    assert closed.wait(PATIENCE)
    assert (steps.forced, steps.answers) == ([False, True, False, False], [])
    assert not worker.start()


def test_the_last_thing_a_worker_does_is_to_say_that_it_left(build: Build) -> None:
    order: list[object] = []

    def close() -> None:
        order.append(worker.at_work)
        raise ValueError

    worker: Worker = build(Steps(), end=close, left=lambda: order.append(worker.at_work))
    worker.start()
    assert worker.at_work
    worker.stop()
    assert worker.rest(PATIENCE)
    assert order == [True, False]


def test_a_worker_whose_sink_could_not_be_built_leaves_too(build: Build) -> None:
    left = threading.Event()
    worker = build(Steps(), build=lambda: 1 / 0, left=left.set)
    worker.start()
    worker.stop()
    assert left.wait(PATIENCE)


# -- resting and starting


def test_at_rest_the_thread_is_gone_until_the_next_start(build: Build) -> None:
    steps = Steps()
    worker = build(steps)
    worker.start()
    steps.wait_for(2)
    assert worker.rest(PATIENCE)
    assert not worker.running
    worker.ring()
    assert not worker.running
    worker.start()
    steps.wait_for(2)
    assert len(steps.threads) == 2


def test_a_call_that_hangs_does_not_hold_up_a_rest(build: Build) -> None:
    gate = Gate()
    worker = build(gate)
    worker.start()
    assert gate.entered.wait(PATIENCE)
    assert not worker.rest(0.001)
    gate.open.set()


def test_a_start_takes_a_rest_back_that_did_not_come_about(build: Build) -> None:
    gate = Gate()
    worker = build(gate)
    worker.start()
    assert gate.entered.wait(PATIENCE)
    worker.rest(0.001)
    worker.start()
    gate.open.set()
    assert worker.request_flush().wait(PATIENCE)


def test_resting_from_its_own_thread_does_not_wait_for_itself(build: Build) -> None:
    answers: list[bool] = []

    def step(*, force: bool = False) -> float | None:
        answers.append(worker.rest(PATIENCE))
        return None

    worker = build(step)
    worker.start()
    worker.request_flush().wait(PATIENCE)
    assert answers[0] is False


def test_a_stopped_worker_starts_no_more(build: Build) -> None:
    worker = build(Steps())
    worker.stop()
    assert not worker.start()
    worker.ring()
    assert not worker.running


def test_where_no_thread_can_be_had_the_next_ring_tries_again(
    build: Build, telemetry_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    alarm, steps = Alarm(), Steps()
    worker = build(steps, alarm=alarm)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert not worker.start()
        assert not worker.running
    telemetry_clock.advance(1)
    alarm.ring()
    steps.wait_for(1)


# -- duties and standing still


def test_a_duty_comes_round_on_the_thread_each_period(
    build: Build, telemetry_clock: FakeClock
) -> None:
    done = threading.Semaphore(0)
    steps = Steps()
    build(steps, ticks=[(1.0, done.release)]).start()
    for _ in range(3):
        telemetry_clock.wait_for_waiters()
        assert not done.acquire(blocking=False)
        telemetry_clock.advance(1)
        assert done.acquire(timeout=PATIENCE)


def test_a_duty_that_raises_stops_neither_the_others_nor_the_worker(
    build: Build, telemetry_clock: FakeClock
) -> None:
    def broken() -> None:
        raise SystemExit

    done = threading.Semaphore(0)
    build(Steps(), ticks=[(1.0, broken), (1.0, done.release)]).start()
    for _ in range(2):
        telemetry_clock.wait_for_waiters()
        telemetry_clock.advance(1)
        assert done.acquire(timeout=PATIENCE)


def test_duties_go_on_where_the_sink_could_not_be_built(
    build: Build, telemetry_clock: FakeClock
) -> None:
    def broken() -> None:
        raise ValueError

    done = threading.Semaphore(0)
    build(Steps(), build=broken, ticks=[(1.0, done.release)]).start()
    telemetry_clock.wait_for_waiters()
    telemetry_clock.advance(1)
    assert done.acquire(timeout=PATIENCE)


def test_a_worker_in_a_call_stands_still_and_one_that_waits_does_not(
    build: Build, telemetry_clock: FakeClock
) -> None:
    gate = Gate()
    worker = build(gate)
    worker.start()
    assert gate.entered.wait(PATIENCE)
    began = telemetry_clock.monotonic()
    telemetry_clock.advance(60)
    assert worker.last_moved == began
    gate.open.set()
    telemetry_clock.wait_for_waiters()
    assert worker.last_moved == telemetry_clock.monotonic()


def wait_until(condition: Callable[[], bool]) -> None:
    """Give the other threads their turn until something is so."""
    until = SystemClock.monotonic() + PATIENCE
    while not condition():
        assert SystemClock.monotonic() < until
        SystemClock.sleep(0)

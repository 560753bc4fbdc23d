from __future__ import annotations

from threading import Barrier, Thread

import pytest
from pytest_telemetry.clock import FakeClock

from telemetry_core.delivery.circuit import Circuit


def opened(clock: FakeClock, **settings: float) -> Circuit:
    circuit = Circuit(clock, failure_threshold=1, **settings)  # type: ignore[arg-type]
    circuit.failed()
    assert circuit.state == "open"
    return circuit


def test_it_opens_after_so_many_failures_in_a_row(telemetry_clock: FakeClock) -> None:
    circuit = Circuit(telemetry_clock, failure_threshold=3)
    circuit.failed()
    circuit.failed()
    assert circuit.allow()
    circuit.failed()
    assert (circuit.state, circuit.allow(), circuit.retry_in()) == ("open", False, 30.0)


def test_a_success_forgets_the_failures_before(telemetry_clock: FakeClock) -> None:
    circuit = Circuit(telemetry_clock, failure_threshold=2)
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert circuit.state == "closed"


def test_after_the_recovery_one_call_may_try_and_its_success_closes(
    telemetry_clock: FakeClock,
) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(30)
    assert (circuit.state, circuit.allow(), circuit.allow()) == ("half_open", True, False)
    circuit.succeeded()
    assert circuit.state == "closed"


def test_each_failed_trial_doubles_the_wait_up_to_the_maximum(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock, recovery_timeout=30, max_recovery=100)
    waits = []
    for _ in range(3):
        telemetry_clock.advance(circuit.retry_in())
        assert circuit.allow()
        circuit.failed()
        waits.append(circuit.retry_in())
    assert waits == [60.0, 100.0, 100.0]


def test_a_closed_circuit_starts_over_with_the_first_wait(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(30)
    circuit.allow()
    circuit.failed()
    telemetry_clock.advance(60)
    circuit.allow()
    circuit.succeeded()
    circuit.failed()
    assert circuit.retry_in() == 30.0


def test_two_slots_need_two_successes(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock, half_open_max_calls=2)
    telemetry_clock.advance(30)
    assert [circuit.allow() for _ in range(3)] == [True, True, False]
    circuit.succeeded()
    assert (circuit.state, circuit.allow()) == ("half_open", False)
    circuit.succeeded()
    assert circuit.state == "closed"


def test_two_slots_can_be_used_one_after_the_other(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock, half_open_max_calls=2)
    telemetry_clock.advance(30)
    for _ in range(2):
        assert circuit.allow()
        circuit.succeeded()
    assert circuit.state == "closed"


def test_the_slot_of_a_caller_that_never_reports_back_becomes_free(
    telemetry_clock: FakeClock,
) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(30)
    assert circuit.allow()
    assert circuit.retry_in() == 30.0
    telemetry_clock.advance(30)
    assert circuit.allow()


def test_a_call_made_in_spite_of_an_open_circuit_closes_it_when_it_succeeds(
    telemetry_clock: FakeClock,
) -> None:
    circuit = opened(telemetry_clock)
    circuit.succeeded()
    assert circuit.state == "closed"


def test_a_call_made_in_spite_of_an_open_circuit_makes_nothing_longer(
    telemetry_clock: FakeClock,
) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(10)
    circuit.failed()
    assert circuit.retry_in() == 20.0


def test_the_wall_clock_has_no_say(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.set_wall(0)
    assert circuit.retry_in() == 30.0


def test_reset_closes_at_once(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    circuit.reset()
    assert (circuit.state, circuit.retry_in()) == ("closed", 0.0)


def test_threads_share_the_slots_of_a_trial(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock, half_open_max_calls=2)
    telemetry_clock.advance(30)
    together, allowed = Barrier(8), []

    def call() -> None:
        together.wait()
        allowed.append(circuit.allow())

    threads = [Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 2


def test_another_circuit_goes_on_from_a_snapshot(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(10)
    later = Circuit(FakeClock())
    later.restore(circuit.snapshot())
    assert (later.state, later.retry_in()) == ("open", 20.0)


def test_a_restored_trial_that_fails_waits_longer_than_before(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    telemetry_clock.advance(30)
    circuit.restore(circuit.snapshot())
    assert circuit.allow()
    circuit.failed()
    assert circuit.retry_in() == 60.0


def test_a_snapshot_keeps_the_failures_so_far(telemetry_clock: FakeClock) -> None:
    circuit = Circuit(telemetry_clock, failure_threshold=2)
    circuit.failed()
    later = Circuit(telemetry_clock, failure_threshold=2)
    later.restore(circuit.snapshot())
    later.failed()
    assert later.state == "open"


@pytest.mark.parametrize("retry_in", [1e9, float("inf")])
def test_a_snapshot_never_makes_it_wait_longer_than_it_would_itself(
    telemetry_clock: FakeClock, retry_in: float
) -> None:
    circuit = Circuit(telemetry_clock)
    circuit.restore({"state": "open", "recovery": 1e9, "retry_in": retry_in})
    assert circuit.retry_in() == 300.0


def test_an_empty_snapshot_is_a_closed_circuit(telemetry_clock: FakeClock) -> None:
    circuit = opened(telemetry_clock)
    circuit.restore({})
    assert circuit.state == "closed"


@pytest.mark.parametrize("junk", [{"failures": "many"}, {"retry_in": None}])
def test_what_is_no_snapshot_is_refused(
    telemetry_clock: FakeClock, junk: dict[str, object]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        Circuit(telemetry_clock).restore(junk)

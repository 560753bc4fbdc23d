"""Whatever is asked of a circuit, in whatever order: it does as its ten-line model does."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pytest_telemetry.clock import FakeClock

from telemetry_core.delivery.circuit import Circuit

FIRST, LONGEST = 30.0, 100.0


class Knocking(RuleBasedStateMachine):
    """A circuit beside its model: when it opens, for how long, and who is on trial."""

    @initialize(threshold=st.integers(1, 3), slots=st.integers(1, 2))
    def a_door(self, threshold: int, slots: int) -> None:
        self.clock = FakeClock()
        self.threshold, self.slots = threshold, slots
        self.circuit = self._circuit()
        self.failures = self.successes = 0
        self.recovery = FIRST
        self.opens_at: float | None = None  # none while it is closed
        self.trials: list[float] = []  # when each of those began that have not reported back

    def _circuit(self) -> Circuit:
        return Circuit(self.clock, self.threshold, FIRST, self.slots, LONGEST)

    @property
    def state(self) -> str:
        if self.opens_at is None:
            return "closed"
        return "open" if self.clock.monotonic() < self.opens_at else "half_open"

    @rule()
    def somebody_wants_to_knock(self) -> None:
        now = self.clock.monotonic()
        self.trials = [began for began in self.trials if now - began < FIRST]
        free = len(self.trials) + self.successes < self.slots
        allowed = self.state == "closed" or (self.state == "half_open" and free)
        assert self.circuit.allow() is allowed
        if allowed and self.state == "half_open":
            self.trials.append(now)

    @rule()
    def somebody_was_answered(self) -> None:
        self.circuit.succeeded()
        self.failures = 0
        if self.opens_at is not None:
            self.opens_at = min(self.opens_at, self.clock.monotonic())
            self.successes += 1
            self.trials = self.trials[1:]
            if self.successes == self.slots:
                self._close()

    @rule()
    def somebody_was_not_answered(self) -> None:
        self.circuit.failed()
        self.failures += 1
        if self.opens_at is None and self.failures >= self.threshold:
            self._open(FIRST)
        elif self.state == "half_open" and (self.trials or self.successes):
            self._open(min(2 * self.recovery, LONGEST))

    @rule(seconds=st.sampled_from([0.5, 29.5, 30.0, 100.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(wall=st.sampled_from([0, 2 * 10**18]))
    def somebody_sets_the_clock(self, wall: int) -> None:
        self.clock.set_wall(wall)

    @rule()
    def somebody_resets_it(self) -> None:
        self.circuit.reset()
        self._close()

    @rule()
    def another_process_goes_on(self) -> None:
        snapshot = json.loads(json.dumps(self.circuit.snapshot()))
        self.circuit = self._circuit()
        self.circuit.restore(snapshot)
        if self.opens_at is not None:
            self.opens_at = self.clock.monotonic() + snapshot["retry_in"]
        self.successes, self.trials = 0, []

    def _open(self, recovery: float) -> None:
        self.recovery, self.opens_at = recovery, self.clock.monotonic() + recovery
        self.successes, self.trials = 0, []

    def _close(self) -> None:
        self.opens_at, self.recovery = None, FIRST
        self.failures, self.successes, self.trials = 0, 0, []

    @invariant()
    def both_agree(self) -> None:
        assert self.circuit.state == self.state

    @precondition(lambda self: self.state == "open")
    @invariant()
    def it_says_when_it_will_be_tried_again(self) -> None:
        assert self.opens_at is not None
        assert self.circuit.retry_in() == self.opens_at - self.clock.monotonic()
        assert 0 < self.circuit.retry_in() <= LONGEST

    @invariant()
    def who_waits_as_long_as_it_says_may_knock(self) -> None:
        clock = FakeClock()
        twin = Circuit(clock, self.threshold, FIRST, self.slots, LONGEST)
        twin.restore(self.circuit.snapshot())
        clock.advance(twin.retry_in())
        assert twin.allow()


Knocking.TestCase.settings = settings(stateful_step_count=40)
TestKnocking = Knocking.TestCase

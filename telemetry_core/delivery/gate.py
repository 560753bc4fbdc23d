"""Says how long a sink is to be left alone, and remembers it beyond the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.clock import NS_PER_SECOND
from telemetry_core.files import NONSENSE

if TYPE_CHECKING:
    from telemetry_core.clock import Clock
    from telemetry_core.delivery.circuit import Circuit
    from telemetry_core.delivery.retry import RetryPolicy
    from telemetry_core.delivery.state import Pause, SinkState

RESUME_CHECK = 5.0  # so often at least a pause looks whether `telemetry resume` ended it


class Gate:
    """Three reasons to wait: the back-off after a failure, an open circuit, a pause asked for.

    A flush goes past the first two, once; nothing goes past a pause.
    """

    def __init__(
        self, clock: Clock, retry: RetryPolicy, circuit: Circuit, state: SinkState
    ) -> None:
        self.failures_in_a_row = 0
        self.pause: Pause | None = None
        self._clock = clock
        self._retry = retry
        self._circuit = circuit
        self._state = state
        self._key = ""
        self._not_before = 0.0
        self._paused_until = 0.0
        self._remembered = self._condition()

    def begin(self, key: str) -> None:
        """Go on from what an earlier process left under this key."""
        self._key = key
        saved = self._state.load(key)
        try:
            self._circuit.restore(saved.circuit)
        except NONSENSE:  # a file that somebody edited
            self._circuit.reset()
        if saved.pause is not None:
            self.pause_for(saved.pause)
        self._remembered = (*self._condition()[:-1], bool(saved.last_error))

    def wait(self, *, force: bool = False) -> float:
        """Return the seconds for which pause and back-off keep the sink from being called."""
        if self._is_left_alone() and self._state.cleared():
            self._forget()
        now = self._clock.monotonic()
        if self.pause is not None:
            if now < self._paused_until:
                return min(self._paused_until - now, RESUME_CHECK)
            self.pause = None
        return 0.0 if force else max(0.0, self._not_before - now)

    def enter(self, *, force: bool = False) -> float:
        """Ask the circuit for a call; zero is a yes, else the seconds until it may say yes."""
        if self._circuit.allow() or force:
            return 0.0
        return self._circuit.retry_in()

    def paused_until(self) -> int | None:
        """Return the wall time at which the pause ends, or nothing when there is none."""
        if self.pause is None:
            return None
        left = max(0.0, self._paused_until - self._clock.monotonic())
        return self._clock.time_ns() + round(left * NS_PER_SECOND)

    def answered(self) -> None:
        """Note that the other end is there, whatever it said."""
        self.failures_in_a_row = 0
        self._not_before = 0.0
        self._circuit.succeeded()

    def failed(self) -> None:
        """Note a failure that may pass."""
        self.back_off()
        self._circuit.failed()

    def searched(self) -> None:
        """Note a failure of a call that was made to find an offender; the next one comes soon.

        The circuit hears of it only when it is waiting for this very call.
        """
        self.failures_in_a_row = 0
        self.back_off()
        if self._circuit.state != "closed":
            self._circuit.failed()

    def back_off(self) -> None:
        """Wait longer than after the failure before."""
        self.failures_in_a_row += 1
        delay = self._retry.delay(self.failures_in_a_row)
        self._not_before = self._clock.monotonic() + delay

    def pause_for(self, pause: Pause) -> None:
        """Leave the sink alone, whoever asks."""
        self.pause = pause
        self._paused_until = self._clock.monotonic() + pause.seconds

    def remember(self, last_error: str) -> None:
        """Save circuit and pause when either has changed, and the error that is to blame.

        The first of several failures is saved as well, so that others can be told of it. When all
        is well the file is removed.
        """
        condition = self._condition()
        if condition == self._remembered:
            return
        self._remembered = condition
        if self._is_left_alone() or self.failures_in_a_row:
            self._state.save(self._key, self._circuit.snapshot(), self.pause, last_error)
        else:
            self._state.clear()

    def _is_left_alone(self) -> bool:
        return self.pause is not None or self._circuit.state != "closed"

    def _forget(self) -> None:
        """Begin anew: another process found the sink well, or somebody wants it tried."""
        self.pause = None
        self._circuit.reset()
        self.failures_in_a_row = 0
        self._not_before = 0.0

    def _condition(self) -> tuple[object, ...]:
        snapshot = self._circuit.snapshot()
        failing = self.failures_in_a_row > 0
        return self._paused_until, self.pause, snapshot["state"], snapshot["recovery"], failing

"""Decides whether to knock at a door that did not open the last times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core.clock import Clock

State = Literal["closed", "open", "half_open"]


class Circuit:
    """Closed while calls succeed, open after several failures in a row, half open to try again.

    An open circuit lets nothing through for `recovery_timeout` seconds. Then so many calls may
    try as `half_open_max_calls` says, each holding a slot until it reports back: when all of them
    succeed it closes, when one fails it opens for twice as long, up to `max_recovery`.
    """

    def __init__(
        self,
        clock: Clock,
        failure_threshold: int = 5,
        recovery_timeout: float = 30.0,
        half_open_max_calls: int = 1,
        max_recovery: float = 300.0,
    ) -> None:
        self._clock = clock
        self._threshold = max(1, failure_threshold)
        self._first_recovery = recovery_timeout
        self._max_recovery = max(max_recovery, recovery_timeout)
        self._slots = max(1, half_open_max_calls)
        self._lock = threading.Lock()
        self._state: State = "closed"
        self._failures = 0
        self._recovery = recovery_timeout
        self._open_until = 0.0
        self._trials: list[float] = []
        self._successes = 0

    @property
    def state(self) -> State:
        """Whether calls pass (closed), do not (open) or are on trial (half_open)."""
        if self._state == "open" and self._clock.monotonic() >= self._open_until:
            return "half_open"
        return self._state

    def allow(self) -> bool:
        """Say whether a call may be made now; who gets a yes reports success or failure."""
        with self._lock:
            if self._state == "closed":
                return True
            now = self._clock.monotonic()
            if self._state == "open":
                if now < self._open_until:
                    return False
                self._half_open()
            self._forget_lost_trials(now)
            if len(self._trials) + self._successes >= self._slots:
                return False
            self._trials.append(now)
            return True

    def succeeded(self) -> None:
        """Report that a call was answered."""
        with self._lock:
            if self._state == "open":  # a call made in spite of the circuit; it tells as much
                self._half_open()
            self._failures = 0
            if self._state == "half_open":
                self._successes += 1
                del self._trials[:1]
                if self._successes >= self._slots:
                    self._close()

    def failed(self) -> None:
        """Report that a call failed in a way that may pass."""
        with self._lock:
            self._failures += 1
            if self._state == "half_open":
                self._open(min(self._recovery * 2, self._max_recovery))
            elif self._state == "closed" and self._failures >= self._threshold:
                self._open(self._first_recovery)

    def reset(self) -> None:
        """Close, as if nothing had ever failed."""
        with self._lock:
            self._close()

    def retry_in(self) -> float:
        """Return the seconds until a call may be tried, zero for now."""
        now = self._clock.monotonic()
        if self._state == "open":
            return max(0.0, self._open_until - now)
        trials = self._trials[:]
        if self._state == "half_open" and len(trials) + self._successes >= self._slots and trials:
            return max(0.0, trials[0] + self._first_recovery - now)
        return 0.0

    def snapshot(self) -> dict[str, Any]:
        """Return what another process needs to go on from here; times are seconds from now."""
        return {
            "state": self.state,
            "failures": self._failures,
            "recovery": self._recovery,
            "retry_in": self.retry_in(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot, never waiting longer than this circuit itself would.

        Raises `ValueError` or `TypeError` for what is no snapshot.
        """
        state = snapshot.get("state", "closed")
        failures = int(snapshot.get("failures", 0))
        recovery = float(snapshot.get("recovery", self._first_recovery))
        retry_in = float(snapshot.get("retry_in", 0.0))
        with self._lock:
            self._close()
            self._failures = max(0, failures)
            if state in {"open", "half_open"}:
                self._open(min(max(recovery, self._first_recovery), self._max_recovery))
                wait = min(max(0.0, retry_in), self._recovery)
                self._open_until = self._clock.monotonic() + wait

    def _open(self, recovery: float) -> None:
        self._state = "open"
        self._recovery = recovery
        self._open_until = self._clock.monotonic() + recovery

    def _half_open(self) -> None:
        self._state = "half_open"
        self._trials = []
        self._successes = 0

    def _close(self) -> None:
        self._state = "closed"
        self._failures = 0
        self._recovery = self._first_recovery

    def _forget_lost_trials(self, now: float) -> None:
        """Free the slots of callers that never reported back, or the door stays shut for ever."""
        self._trials = [since for since in self._trials if now - since < self._first_recovery]

"""The workers of a client are waited for together."""

from __future__ import annotations

from typing import Any

from attrs import define

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.crew import Crew


@define
class Joined:
    """A worker that says how long it was waited for."""

    waited_for: float
    patience: float = -1.0

    def join(self, timeout: float) -> None:
        self.patience = timeout


def test_who_a_flush_has_waited_for_in_vain_is_waited_for_the_less() -> None:
    hanging, working = Joined(waited_for=60.0), Joined(waited_for=0.0)
    crew = Crew(lambda: None, Alarm())
    workers: tuple[Any, Any] = hanging, working
    for worker in workers:
        crew.add(worker)
    crew.wait(SystemClock.monotonic() + 60.0)
    assert hanging.patience <= 0.0 < working.patience

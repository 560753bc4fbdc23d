"""Tells each moment: first to the intake, which writes it, then to every listener by itself."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry_core.delivery.engine import Engine, Hears
from telemetry_core.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.complaints import Complaints
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.ids import IdSource
    from telemetry_core.models import RunEvent, RunRecord


class Teller:
    """Holds the engine of this process, and builds another one in a forked child.

    Raises `TelemetryError` when the configuration cannot be meant.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        plugins: Sequence[object],
        clock: Clock,
        ids: IdSource,
        complaints: Complaints,
        on_exit: Callable[[], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._ids = ids
        self._complaints = complaints
        self._on_exit = on_exit
        self._inside = threading.local()
        self._asleep = False
        self._waking = threading.RLock()
        self._use(Manager(config, plugins, clock=clock))

    def start_run(self, run: RunRecord) -> None:
        """Tell that a run started."""
        self._tell(self.hears.on_start_run, run)

    def event(self, event: RunEvent, run: RunRecord | None) -> None:
        """Tell that something happened; the hot path, so it is written out."""
        calls = self.hears.on_event
        calls[0][1](event, run)
        if len(calls) > 1:
            self._let_hear(calls, event, run)

    def end_run(self, run: RunRecord) -> None:
        """Tell that a run ended."""
        self._tell(self.hears.on_end_run, run)

    def update_run(self, run: RunRecord) -> None:
        """Write what a run is like now; no listener hears of it."""
        self.awake().intake.update_run(run)

    def awake(self) -> Engine:
        """Return the engine of this very process, which a forked child builds at its first use."""
        if self._asleep:
            with self._waking:
                if self._asleep:
                    self._use(self.engine.manager.rebuilt(), in_child=True)
        return self.engine

    def _use(self, manager: Manager, *, in_child: bool = False) -> None:
        self.engine = Engine(
            self._config,
            manager,
            self._clock,
            self._ids,
            on_exit=self._on_exit,
            on_fork=self._fall_asleep,
            in_child=in_child,
        )
        self.hears = self.engine.hears
        self._asleep = False

    def _fall_asleep(self) -> None:
        """In a forked child: hold no lock and no thread of the parent, and build nothing yet."""
        self._waking = threading.RLock()
        self._inside = threading.local()
        self._asleep = True
        self.hears = Hears(*((("", partial(self._wake, hook)),) for hook in Hears._fields))
        self._ids.reseed()  # at once: the first record has its id before anybody is told of it

    def _wake(self, hook: str, *moment: Any) -> None:
        self.awake()
        self._tell(getattr(self.hears, hook), *moment)

    def _tell(self, calls: Sequence[tuple[str, Callable[..., object]]], *moment: Any) -> None:
        calls[0][1](*moment)
        if len(calls) > 1:
            self._let_hear(calls, *moment)

    def _let_hear(self, calls: Sequence[tuple[str, Callable[..., object]]], *moment: Any) -> None:
        """Let each listener hear; what one records meanwhile is written and heard by no one."""
        inside = self._inside
        if getattr(inside, "a_listener", False):
            return
        inside.a_listener = True
        try:
            for name, hear in calls[1:]:
                try:
                    hear(*moment)
                except Exception as error:
                    self._complaints.caught(f"the listener {name}", error)
        finally:
            inside.a_listener = False

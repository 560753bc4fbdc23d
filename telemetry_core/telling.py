"""Tells each moment: first to the intake, which writes it, then to every listener by itself."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from telemetry_core.delivery.engine import Engine
from telemetry_core.delivery.hears import Hears
from telemetry_core.delivery.report import ClientHealth, FlushReport
from telemetry_core.manager import Manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.complaints import Complaints
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.ids import IdSource
    from telemetry_core.manager import Hearing
    from telemetry_core.models import RunEvent, RunRecord


class _Busy:
    """Whether a listener is being told something."""

    __slots__ = ("busy",)

    def __init__(self) -> None:
        self.busy = False


class _Ears(threading.local):
    """One mark a thread: looked up once a moment, since a thread's own attributes are slow."""

    def __init__(self) -> None:
        self.of_this_thread = _Busy()


class Silence:
    """Tells nobody anything: what a client has in a teller's and an engine's place.

    :ivar problem: why nothing is told; `well` when somebody wants it so.
    """

    def __init__(self, problem: str, *, well: bool = False) -> None:
        self.problem = problem
        self.well = well

    def event(self, event: RunEvent, run: RunRecord | None) -> None:
        """Tell nobody."""

    def start_run(self, run: RunRecord) -> None:
        """Tell nobody."""

    def end_run(self, run: RunRecord) -> None:
        """Tell nobody."""

    def update_run(self, run: RunRecord) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Let go of nothing."""

    async def aclose(self) -> None:
        """Let go of nothing."""

    def awake(self) -> Self:
        """Return what answers as an engine does."""
        return self

    def open_runs(self) -> tuple[RunRecord, ...]:
        """Return none: nothing was started."""
        return ()

    def runs_store(self) -> None:
        """Return nothing to ask for runs."""

    def flush(self, timeout: float) -> FlushReport:  # noqa: ARG002 - as an engine is asked
        """Say why nothing was delivered."""
        return FlushReport(problem=self.problem)

    async def aflush(self, timeout: float) -> FlushReport:  # noqa: ASYNC109
        """Say why nothing was delivered."""
        return self.flush(timeout)

    def health(self) -> ClientHealth:
        """Say why there is nothing, and whether that is as wanted."""
        return ClientHealth(ok=self.well, message=self.problem)

    def stats(self) -> dict[str, Any]:
        """Return the figures of no sink."""
        return {}


class Teller:
    """Holds the engine of this process, and builds another one in a forked child.

    Raises `TelemetryError` when the configuration cannot be meant.
    """

    problem = ""

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
        self._ears = _Ears()
        self._asleep = False
        self._waking = threading.RLock()
        self._use(Manager(config, plugins, clock=clock, complaints=complaints))

    def start_run(self, run: RunRecord) -> None:
        """Tell that a run started."""
        self._tell(self.hears.on_start_run, run)

    def event(self, event: RunEvent, run: RunRecord | None) -> None:
        """Tell that something happened; the hot path, so `_let_hear` is written out in it."""
        write, listeners = self.hears.on_event
        write(event, run)
        if not listeners or (ears := self._ears.of_this_thread).busy:
            return
        ears.busy = True
        try:
            for name, hear in listeners:
                try:
                    hear(event, run)
                except Exception as error:
                    self._complaints.caught(f"the listener {name}", error)
        finally:
            ears.busy = False

    def end_run(self, run: RunRecord) -> None:
        """Tell that a run ended."""
        self._tell(self.hears.on_end_run, run)

    def update_run(self, run: RunRecord) -> None:
        """Write what a run is like now; no listener hears of it."""
        self.awake().intake.update_run(run)

    def open_runs(self) -> Iterable[RunRecord]:
        """Return the runs that this process started and nobody ended."""
        return self.awake().intake.open_runs()

    def runs_store(self) -> Any:
        """Return what can be asked for runs, or nothing when no active sink keeps them."""
        return self.awake().manager.runs_store()

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
        self._ears = _Ears()
        self._asleep = True
        self.hears = Hears(*((partial(self._wake, hook), ()) for hook in Hears._fields))
        self._ids.reseed()  # at once: the first record has its id before anybody is told of it

    def _wake(self, hook: str, *moment: Any) -> None:
        self.awake()
        self._tell(getattr(self.hears, hook), *moment)

    def _tell(self, hears: tuple[Callable[..., object], tuple[Hearing, ...]], *moment: Any) -> None:
        write, listeners = hears
        write(*moment)
        if listeners:
            self._let_hear(listeners, *moment)

    def _let_hear(self, listeners: tuple[Hearing, ...], *moment: Any) -> None:
        """Let each listener hear; what one records meanwhile is written and heard by no one."""
        ears = self._ears.of_this_thread
        if ears.busy:
            return
        ears.busy = True
        try:
            for name, hear in listeners:
                try:
                    hear(*moment)
                except Exception as error:
                    self._complaints.caught(f"the listener {name}", error)
        finally:
            ears.busy = False

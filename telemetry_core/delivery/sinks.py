"""One active sink with all that drives it: its outbox, its shipper and its worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_core.clock import iso8601
from telemetry_core.complaints import counted
from telemetry_core.delivery.report import SinkHealth, SinkReport
from telemetry_core.delivery.retry import RetryPolicy
from telemetry_core.delivery.shipper import Shipper
from telemetry_core.delivery.state import SinkState
from telemetry_core.delivery.worker import Worker
from telemetry_core.errors import described
from telemetry_core.records import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.complaints import Report
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.alarm import Alarm
    from telemetry_core.delivery.dead_letters import DeadLetters
    from telemetry_core.delivery.ends import Outbox
    from telemetry_core.delivery.ticks import Duty
    from telemetry_core.plugin import Plugin
    from telemetry_core.records import Batch, Receipt

ASK_HEALTH_EVERY = 30.0
STANDSTILL = 30.0
MEMORY_ATTEMPTS = 2
MEMORY_RETRY = RetryPolicy(random=lambda: 1.0)  # its one other chance comes late rather than early
WAITS = "its records wait"
DROPPED_WHEN_FULL = "its records are dropped when memory is full"


class Shared(NamedTuple):
    """What the sinks of one client have in common.

    :ivar built: told by each once it is built: its name and destination.
    :ivar left: called as the last act of each one's worker.
    """

    config: TelemetryConfig
    clock: Clock
    dead_letters: DeadLetters
    alarm: Alarm
    report: Report
    built: Callable[[str, str | None], None]
    left: Callable[[], None]


class DrivenSink:
    """What a shipper needs to know of a plugin, and the thread that calls it.

    :param dropped: says how many of its records were dropped before they reached the shipper.
    :param ticks: what else its worker does now and then.
    """

    def __init__(
        self,
        plugin: Plugin,
        outbox: Outbox,
        shared: Shared,
        *,
        dropped: Callable[[], int],
        ticks: Iterable[Duty] = (),
    ) -> None:
        self.plugin = plugin
        self.name = plugin.name
        self.outbox = outbox
        self._clock = shared.clock
        self._dropped = dropped
        self._built = shared.built
        self._word: Health | None = None
        self.shipper = self._new_shipper(shared)
        self.worker = self._new_worker(shared, ticks)

    def _new_shipper(self, shared: Shared) -> Shipper:
        config = shared.config
        return Shipper(
            self,
            self.outbox,
            clock=shared.clock,
            dead_letters=shared.dead_letters,
            state=SinkState(config.base_dir / "state" / f"{self.name}.json", shared.clock),
            max_age_ns=config.delivery.max_age_ns,
            retry=MEMORY_RETRY if self._in_memory else None,
            max_attempts=MEMORY_ATTEMPTS if self._in_memory else None,
            report=shared.report,
        )

    def _new_worker(self, shared: Shared, ticks: Iterable[Duty]) -> Worker:
        return Worker(
            self.name,
            self.shipper.step,
            shared.clock,
            build=self._build,
            ticks=[*ticks, (ASK_HEALTH_EVERY, self._ask_health)],
            linger=self.plugin.linger,
            alarm=shared.alarm,
            end=self._end,
            left=shared.left,
            report=shared.report,
            when_off=DROPPED_WHEN_FULL if self._in_memory else WAITS,
            goes_on=lambda: self._in_memory and self.worth_waiting_for,  # until each had its tries
        )

    @property
    def _in_memory(self) -> bool:
        return self.plugin.options.delivery == "memory"

    # -- what the shipper asks

    @property
    def instance(self) -> object:
        """The plugin itself."""
        return self.plugin.instance

    @property
    def only(self) -> Sequence[str]:
        """What it wants; nothing stands for all."""
        return self.plugin.only

    @property
    def except_(self) -> Sequence[str]:
        """What it does not want."""
        return self.plugin.options.except_

    @property
    def batch_size(self) -> int:
        """The most records in a batch."""
        return self.plugin.batch_size

    @property
    def batch_bytes(self) -> int:
        """The most bytes in a batch of more than one record."""
        return self.plugin.batch_bytes

    @property
    def max_record_bytes(self) -> int | None:
        """The largest record it accepts."""
        return self.plugin.max_record_bytes

    @property
    def ship_batch(self) -> Callable[[Batch], Receipt | None] | None:
        """The hook, bound."""
        return self.plugin.ship_batch

    def destination(self) -> str | None:
        """Return what identifies the other end."""
        return self.plugin.destination()

    # -- on its worker's thread

    def _build(self) -> None:
        self.plugin.build()
        self._built(self.name, self.plugin.destination())

    def _end(self) -> None:
        if self.plugin.close is not None:
            self.plugin.close()

    def _ask_health(self) -> None:
        if self.plugin.check_health is not None:
            try:
                self._word = self.plugin.check_health()
            except Exception as error:
                self._word = Health(ok=False, message=f"{type(error).__name__}: {error}")

    # -- figures, for any thread

    @property
    def worth_waiting_for(self) -> bool:
        """Whether something may yet come of it at the end of the process."""
        return (
            self.worker.running
            and self.error is None
            and self.shipper.pause is None
            and self.shipper.circuit.state == "closed"
        )

    @property
    def error(self) -> str | None:
        """Why it is off, when it could not be built."""
        return self.plugin.error or self.worker.error

    @property
    def dropped(self) -> int:
        """How many records it never got: for want of room, for age, after too many attempts."""
        return self.shipper.dropped + self._dropped()

    def report(self) -> SinkReport:
        """Return its figures."""
        return SinkReport(
            delivered=self.shipper.delivered,
            pending=self.outbox.pending(),
            refused=self.shipper.refused,
            dropped=self.dropped,
            error=self.error or self.shipper.last_error,
        )

    def health(self) -> SinkHealth:
        """Return how it is: its own word, and whether records wait while its worker stands."""
        pending = self.outbox.pending()
        still = self._clock.monotonic() - self.worker.last_moved
        if self.error is not None:
            message = f"off: {self.error}"
        elif self.shipper.pause is not None:
            message = f"paused: {self.shipper.pause.code} {self.shipper.pause.reason}".strip()
        elif pending and self.worker.no_thread:
            message = f"{counted(pending, 'record')} waiting; {self.worker.no_thread}"
        elif pending and self.worker.running and still > STANDSTILL:
            waiting = counted(pending, "record")
            message = f"{waiting} waiting, and its worker has not moved for {still:.0f} s"
        elif self.shipper.circuit.state == "open":
            message = f"not answering: {self.shipper.last_error}"
        elif self._word is not None and not self._word.ok:
            message = self._word.message or "it says that it is not well"
        elif self.dropped:
            message = f"{counted(self.dropped, 'record')} dropped"
        else:
            message = ""
        return SinkHealth(
            ok=not message,
            message=message or (self._word.message if self._word is not None else ""),
            circuit=self.shipper.circuit.state,
            pending=pending,
            last_error=self.shipper.last_error,
        )

    def stats(self) -> dict[str, Any]:
        """Return its figures and the plugin's own, for `get_stats`."""
        return {
            "delivered": self.shipper.delivered,
            "pending": self.outbox.pending(),
            "refused": self.shipper.refused,
            "dropped": self.dropped,
            "skipped": self.shipper.skipped,
            "failures": self.shipper.failures,
            "circuit": self.shipper.circuit.state,
            "last_success": _when(self.shipper.last_success),
            "paused_until": _when(self.shipper.paused_until),
            "error": self.error or self.shipper.last_error or None,
            **self._own_stats(),
        }

    def _own_stats(self) -> dict[str, Any]:
        if self.plugin.stats is None:
            return {}
        try:
            return {"plugin": dict(self.plugin.stats())}
        except Exception as error:
            return {"plugin": {"error": described(error)}}


def _when(time_ns: int | None) -> str | None:
    return None if time_ns is None else iso8601(time_ns)


class UndrivenSink:
    """A sink of which a forked child cannot have its own; its parent delivers for both."""

    def __init__(self, name: str, outbox: Outbox, *, lost: bool) -> None:
        self.name = name
        self._outbox = outbox
        self._lost = lost

    def report(self) -> SinkReport:
        """Return what waits for the parent."""
        return SinkReport(pending=self._outbox.pending(), error=self._why)

    def health(self) -> SinkHealth:
        """Return whether what waits will be delivered, and by whom."""
        return SinkHealth(not self._lost, self._why, pending=self._outbox.pending())

    def stats(self) -> dict[str, Any]:
        """Return its figures, for `get_stats`."""
        none = dict.fromkeys(("delivered", "refused", "dropped", "skipped", "failures"), 0)
        pending = self._outbox.pending()
        return {**none, "pending": pending, "circuit": "closed", "error": self._why}

    @property
    def _why(self) -> str:
        if self._lost:
            return "lost: a forked child cannot have this sink, nor its parent what is in memory"
        return "delivered by the parent: a forked child cannot have this sink"

"""Puts the rooms of delivery together for one client: intake, spool, and a worker a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.crew import Crew
from telemetry_core.delivery.dead_letters import DeadLetters
from telemetry_core.delivery.hears import Hears
from telemetry_core.delivery.intake import Intake
from telemetry_core.delivery.memory_spool import MAX_RECORDS, MemorySpool
from telemetry_core.delivery.process import PROCESS
from telemetry_core.delivery.report import ClientHealth, FlushReport, SinkHealth
from telemetry_core.delivery.sinks import DrivenSink, Shared, UndrivenSink
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.delivery.spool.sync import SYNC_SECONDS
from telemetry_core.delivery.takeovers import Takeovers
from telemetry_core.delivery.worker import Worker
from telemetry_core.ids import random_fraction

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from telemetry_core.clock import Clock
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.ends import Step
    from telemetry_core.delivery.ticket import Ticket
    from telemetry_core.delivery.ticks import Duty
    from telemetry_core.ids import IdSource
    from telemetry_core.manager import Manager
    from telemetry_core.plugin import Plugin

CARE_EVERY = 1.0
ADOPT_EVERY = 5.0
POLL = 0.01


class Engine:
    """Everything behind the front door; built without a thread, a file or a socket."""

    def __init__(
        self,
        config: TelemetryConfig,
        manager: Manager,
        clock: Clock,
        ids: IdSource,
        *,
        on_exit: Callable[[], None] = lambda: None,
        on_fork: Callable[[], None] = lambda: None,
        in_child: bool = False,
    ) -> None:
        self.config = config
        self.manager = manager
        self.clock = clock
        self.exit_timeout = config.delivery.exit_timeout
        self.alarm = Alarm()
        self.spool = self._new_spool()
        self.dead_letters = DeadLetters(config.base_dir / "dead_letters.sqlite", clock)
        self.crew = Crew(self.spool.close, self.alarm)
        self._takeovers = Takeovers(self.spool, self.crew, manager.complaints.warn)
        self.syncer = self._worker("sync", self._sync, (SYNC_SECONDS, self.spool.sync))
        self.sinks: list[DrivenSink] = []
        self.left_to_parent: list[UndrivenSink] = []
        self._memory_spools: list[MemorySpool] = []
        self._on_exit = on_exit
        self._on_fork = on_fork
        for plugin in manager.plugins:
            if plugin.ships:
                self._add_sink(plugin, drive=plugin.rebuildable or not in_child)
        self.intake = self._new_intake(ids)
        self._man_the_spool()
        if self.spool.outboxes:
            self.intake.write_to(self.spool.put, self.spool.critical_number)
        self.hears = Hears.of(self.intake, manager.listeners)
        self.alarm.waiting.add(self)
        PROCESS.join(self)

    def _new_spool(self) -> Spool:
        delivery = self.config.delivery
        return Spool(
            self.config.base_dir,
            self.config.service,
            clock=self.clock,
            durability=delivery.durability,
            max_bytes=delivery.max_bytes,
            max_age_ns=delivery.max_age_ns,
            preface=lambda: self.intake.preface(),
            on_orphan=lambda run, last_ns: self.intake.close_orphan(run, last_ns),
            sync_due=lambda: self.syncer.ring(),
        )

    def _new_intake(self, ids: IdSource) -> Intake:
        return Intake(
            self.clock,
            ids,
            self.alarm,
            critical=self.config.delivery.critical,
            memory_spools=self._memory_spools,
        )

    def _add_sink(self, plugin: Plugin, *, drive: bool) -> None:
        name = plugin.name
        memory: MemorySpool | None = None
        if plugin.options.delivery == "memory":
            memory = MemorySpool(plugin.options.queue_size or _roomy(plugin.batch_size))
            self._memory_spools.append(memory)
        outbox = memory or self.spool.outbox(name, plugin.destination())
        if not drive:
            self.left_to_parent.append(UndrivenSink(name, outbox, lost=memory is not None))
            return
        sink = DrivenSink(
            plugin,
            outbox,
            self._shared(),
            dropped=lambda: memory.dropped if memory is not None else self.spool.dropped(name),
            ticks=[
                (CARE_EVERY, self.spool.tick),
                (ADOPT_EVERY * (0.8 + 0.4 * random_fraction()), self._takeovers.look),
            ],
        )
        self.sinks.append(sink)
        self.crew.add(sink.worker)

    def _shared(self) -> Shared:
        return Shared(
            self.config,
            self.clock,
            self.dead_letters,
            self.alarm,
            report=self.manager.complaints.warn,
            built=self._takeovers.built,
            left=self.crew.left,
        )

    def _man_the_spool(self) -> None:
        """Add whom the spool needs besides the sinks' workers."""
        if self.config.delivery.durability == "interval":
            self.crew.add(self.syncer)
        if self.spool.outboxes and not self.sinks:  # a forked child whose sinks are its parent's
            self.crew.add(self._worker("care", _nothing, (CARE_EVERY, self.spool.tick)))

    def _worker(self, name: str, step: Step, tick: Duty) -> Worker:
        report = self.manager.complaints.warn
        return Worker(name, step, self.clock, ticks=[tick], left=self.crew.left, report=report)

    # -- starting

    def ring(self) -> None:
        """Start the workers: the alarm knows us as somebody who waits until that is done."""
        PROCESS.wait_for_resumption()
        self.crew.start()
        self.alarm.waiting.discard(self)

    def _sync(self, *, force: bool = False) -> None:  # noqa: ARG002 - a step of a worker
        self.spool.sync()

    # -- flushing and closing

    def flush(self, timeout: float) -> FlushReport:
        """Have every sink try all it is owed, within one deadline for all; say what became."""
        deadline = self.clock.monotonic() + timeout
        self.ring()
        again = True
        while again:
            before = self._takeovers.count
            for ticket in self._request():
                ticket.wait(max(0.0, deadline - self.clock.monotonic()))
            again = self._found_more(before, deadline)
        return self.report()

    async def aflush(self, timeout: float) -> FlushReport:  # noqa: ASYNC109
        """Flush, looking now and then instead of waiting."""
        import asyncio

        deadline = self.clock.monotonic() + timeout
        self.ring()
        again = True
        while again:
            before = self._takeovers.count
            tickets = self._request()
            while self.clock.monotonic() < deadline and any(t.open for t in tickets):  # noqa: ASYNC110
                await asyncio.sleep(POLL)
            for ticket in tickets:
                ticket.wait(0.0)
            again = self._found_more(before, deadline)
        return self.report()

    def _found_more(self, before: int, deadline: float) -> bool:
        """Look for what others left; true when there is time for it, whichever thread took it."""
        self._takeovers.look()
        return self._takeovers.count != before and self.clock.monotonic() < deadline

    def _request(self) -> list[Ticket]:
        return [sink.worker.request_flush() for sink in self.sinks]

    def report(self) -> FlushReport:
        """Return the figures of every sink."""
        return FlushReport(
            sinks={sink.name: sink.report() for sink in self._all_sinks()},
            not_accepted=self.spool.not_accepted,
            torn=self.spool.torn,
        )

    def close(self) -> None:
        """Deliver for `exit_timeout` at most, end the workers and let go of the folders.

        What is recorded afterwards begins a new folder, for the next process.
        """
        until = SystemClock.monotonic() + self.exit_timeout
        try:
            self.flush(self.exit_timeout)
        finally:
            self._dismiss()
            self.finish(until)
            self.exit_timeout = 0.0  # a call still in flight had its time

    async def aclose(self) -> None:
        """Close without holding up the event loop."""
        import asyncio

        until = SystemClock.monotonic() + self.exit_timeout
        try:
            await self.aflush(self.exit_timeout)
        finally:
            self._dismiss()  # also when cancelled: then the last worker to leave lets go
        while self.crew.running and SystemClock.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        self.crew.left()

    def _dismiss(self, after_a_flush: Collection[Worker] = ()) -> None:
        self.alarm.waiting.discard(self)
        self.crew.dismiss(after_a_flush=after_a_flush)

    # -- what the process tells (see process.py); its deadlines are of the real steady clock

    def ask_for_last_deliveries(self) -> None:
        """Have the running workers deliver what waits and then end; start nothing."""
        try:
            self._on_exit()
        finally:
            self._dismiss({sink.worker for sink in self.sinks if sink.worth_waiting_for})

    def finish(self, deadline: float) -> None:
        """Wait for the workers to end; the last one to leave lets go of the folders' locks."""
        self.crew.wait(deadline)
        self._dismiss()
        self.crew.left()

    def rest(self, timeout: float) -> None:
        """Bring the workers to rest before a fork, each between two batches."""
        self.crew.rest(SystemClock.monotonic() + timeout)

    def resume(self) -> None:
        """Go on after a fork, in the parent."""
        self.crew.resume()

    def leave_to_parent(self) -> None:
        """Close what was inherited, in the forked child; the client builds anew when it must."""
        self._on_fork()
        self.spool.abandon()

    # -- figures

    def health(self) -> ClientHealth:
        """Return how every sink is."""
        sinks = {sink.name: sink.health() for sink in self._all_sinks()}
        for plugin in self.manager.plugins:
            if plugin.error is not None:
                sinks.setdefault(plugin.name, SinkHealth(ok=False, message=f"off: {plugin.error}"))
        problems = [f"{name}: {health.message}" for name, health in sinks.items() if not health.ok]
        problems += self.spool.problems()
        return ClientHealth(ok=not problems, message="; ".join(problems), sinks=sinks)

    def stats(self) -> dict[str, Any]:
        """Return the figures of every sink."""
        return {sink.name: sink.stats() for sink in self._all_sinks()}

    def _all_sinks(self) -> Iterator[DrivenSink | UndrivenSink]:
        yield from self.sinks
        yield from self.left_to_parent


def _roomy(batch_size: int) -> int:
    """Return how many records memory holds where nobody says: one batch fills while one is sent."""
    return max(MAX_RECORDS, 2 * batch_size)


def _nothing(*, force: bool = False) -> None:
    """Do nothing: a step of a worker that has duties only."""

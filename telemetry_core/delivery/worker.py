"""The one thread that drives a sink."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry_core.clock import Bell
from telemetry_core.delivery.alarm import Alarm
from telemetry_core.delivery.rest import Rest
from telemetry_core.delivery.ticket import Ticket, Tickets
from telemetry_core.delivery.ticks import Ticks
from telemetry_core.errors import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core.clock import Clock
    from telemetry_core.complaints import Report
    from telemetry_core.delivery.ends import Step
    from telemetry_core.delivery.ticks import Duty

# A ring can be lost only when an exception hits the program between writing and ringing.
LONGEST_IDLE = 5.0
# A burst is delivered after it rather than in it: so long after its first record a worker
# lingers between full batches too. A program that goes on for longer shares its time with us.
GIVES_WAY = 1.0
AFTER_A_FAULT = 1.0  # seconds until a step or a start that failed is tried again


class Worker:
    """Drives one step function on a daemon thread, started when there is something to do.

    `build` comes before the first step and `end` after the last, both on that thread, as do the
    `ticks` in between and `left`, when there is nothing more to come. A build that raises turns
    the worker off until the next process. A flush is over when nothing is left to do, or when a
    step wants to wait, unless the worker `goes_on` even so. What a program's thread or a signal handler calls takes
    no lock: requests go through deques, waking through a bell.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        clock: Clock,
        *,
        build: Callable[[], object] | None = None,
        end: Callable[[], object] = lambda: None,
        left: Callable[[], object] = lambda: None,
        ticks: Iterable[Duty] = (),
        linger: float = 0.0,
        alarm: Alarm | None = None,
        report: Report,
        when_off: str = "nothing of it is done",
        goes_on: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = name
        self.clock = clock
        self.error: str | None = None
        self.no_thread = ""
        self._step = step
        self._build = build
        self._end = end
        self._left = left
        self._ticks = Ticks(ticks, clock, self._complain)
        self._linger = linger
        self._alarm = alarm or Alarm()
        self._report = report
        self._when_off = when_off
        self._goes_on = goes_on
        self._bell = Bell()
        self._tickets = Tickets()
        self._rest = Rest()
        self._turn = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wanted = False
        self._start_again_at = clock.monotonic()
        self._stopped = False
        self._over = False
        self._waits_until = float("-inf")
        self._moved = clock.monotonic()
        self._gives_way_until = float("-inf")

    # -- for any thread

    def start(self) -> bool:
        """Have the thread run, also again after a rest; false when it cannot be started now."""
        self._wanted = True
        while not self._stopped and self._starting.acquire(blocking=False):
            try:
                runs = (self.running and self._rest.withdraw()) or self._start_thread()
            finally:
                self._starting.release()
            if not (runs and self._rest.wanted and self._wanted):
                return runs
            # Another thread had it rest meanwhile, and wants it again, but found the lock taken.
        return False

    def ring(self) -> None:
        """Wake the thread, or start the one that could not be started; never one that rests."""
        if self._wanted and not self.running:
            self.start()
        self._bell.ring()

    def request_flush(self, *, last: bool = False) -> Ticket:
        """Ask for one try at all that is pending, past back-off and circuit; then end, if `last`."""
        ticket = Ticket(self.clock, worth_waiting=self._can_be_waited_for, last=last)
        if not self._stopped:
            self._tickets.add(ticket)
            self.ring()
        if self._stopped:  # asked again: the thread may have looked before it was there
            ticket.answer(done=False)
        return ticket

    def rest(self, timeout: float) -> bool:
        """Have the thread end between two steps, within so many real seconds; true when it has.

        From then on only `start` starts it again.
        """
        if not self.running:
            return True
        if self._thread is threading.current_thread():
            return False
        self._wanted = False
        self._rest.ask()
        self._bell.ring()
        return self.join(timeout)

    def stop(self) -> None:
        """Have the thread end after its present step, for good."""
        self._stopped = True
        self._bell.ring()

    def join(self, timeout: float) -> bool:
        """Wait so many real seconds for the thread to end, as it was asked to; true when it has."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, timeout))
        return not self.running

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def at_work(self) -> bool:
        """Whether the thread may still call anything but `left`."""
        return self.running and not self._over

    @property
    def last_moved(self) -> float:
        """The steady time at which the thread last came out of a call; now, while it only waits.

        A wait that is long over is none: gevent may have the thread in a hub that does not run.
        """
        return max(self._moved, min(self.clock.monotonic(), self._waits_until))

    @property
    def waited_for(self) -> float:
        """For how many real seconds a flush has waited in vain for what the thread still does."""
        return self._tickets.waited

    # -- starting and ending

    def _can_be_waited_for(self) -> bool:
        return self.running and self._thread is not threading.current_thread()

    def _start_thread(self) -> bool:
        now = self.clock.monotonic()
        if now < self._start_again_at or not threading.main_thread().is_alive():
            return False  # the program exits: a thread would be killed at once
        thread = threading.Thread(target=self._run, name=f"telemetry-{self.name}", daemon=True)
        before, self._thread = self._thread, thread
        self._bell = Bell()  # gevent may have patched since: a greenlet waits at no lock of threads
        self._rest.forget()
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, for now
            self._thread = before
            self._start_again_at = now + AFTER_A_FAULT
            self._alarm.waiting.add(self)
            self.no_thread = f"its thread cannot be started: {error}"
            self._complain("thread", f"{self.no_thread}; records wait")
            return False
        self.no_thread = ""
        return True

    def _run(self) -> None:
        with self._turn:  # the thread before this one may have a call to finish
            self._alarm.waiting.discard(self)
            self._build_once()
            self._let_a_batch_fill()
            while not self._shall_end():
                self._moved = self.clock.monotonic()
                self._ticks.run_due()
                self._work()
            if self._stopped:
                self._leave()

    def _shall_end(self) -> bool:
        if self._stopped:
            self._tickets.take()
            self._answer(done=False)
            return True
        return self._rest.take()

    def _build_once(self) -> None:
        build, self._build = self._build, None
        if build is None:
            return
        try:
            build()
        except BaseException as error:
            self.error = described(error)
            self._complain("build", f"it is off: {self.error}; {self._when_off}", final=True)

    def _leave(self) -> None:
        if self._over:  # an interrupted Thread.join took the thread before this one for dead
            return
        if self.error is None:
            self._close(self._end)
        self._over = True
        self._close(self._left)

    def _close(self, what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:
            self._complain("close", f"it could not be closed: {described(error)}", final=True)

    # -- working and waiting

    def _work(self) -> None:
        wait = self._do_step(force=self._tickets.take())
        if wait is None or (wait > 0.0 and not self._goes_on()):
            self._answer(done=True)
        if self._stopped:
            return
        if wait is None:
            self._idle()
        elif wait > 0.0:
            self._wait_for(min(wait, self._ticks.until_next()))
        elif not self._tickets.taken and self.clock.monotonic() < self._gives_way_until:
            self._wait_for(self._linger)

    def _do_step(self, *, force: bool = False) -> float | None:
        if self.error is not None:
            return None
        try:
            return self._step(force=force)
        except BaseException as error:
            self._complain("step", f"a step failed and is repeated: {described(error)}")
            return AFTER_A_FAULT

    def _answer(self, *, done: bool) -> None:
        self._stopped = self._stopped or self._tickets.last
        self._tickets.answer(done=done)

    def _idle(self) -> None:
        """Wait for records; then a little longer, so that a batch fills."""
        if self.error is None:
            self._alarm.waiting.add(self)
        try:
            if self._do_step() is not None or self._is_called():
                return
            woken = self._wait(min(LONGEST_IDLE, self._ticks.until_next()))
        finally:
            self._alarm.waiting.discard(self)
        if woken:
            self._let_a_batch_fill()

    def _let_a_batch_fill(self) -> None:
        self._gives_way_until = self.clock.monotonic() + GIVES_WAY
        self._wait_for(self._linger)

    def _wait_for(self, seconds: float) -> None:
        """Let time pass, whatever rings, until somebody asks for this very thread."""
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 0 and not self._is_called():
            self._wait(min(left, self._ticks.until_next()))
            self._ticks.run_due()  # also while a batch fills for long

    def _wait(self, seconds: float) -> bool:
        self._waits_until = self.clock.monotonic() + seconds
        try:
            return self.clock.wait(self._bell, seconds)
        finally:
            self._moved = self.clock.monotonic()
            self._waits_until = float("-inf")

    def _is_called(self) -> bool:
        return bool(self._tickets.asked or self._rest.asked or self._stopped)

    def _complain(self, kind: str, text: str, *, final: bool = False) -> None:
        with suppress(Exception):  # a report that raises, as tests have it, ends no thread
            self._report(f"{self.name} {kind}", f"worker {self.name}: {text}", final=final)

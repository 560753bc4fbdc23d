"""The workers of one client: started, brought to rest and ended together."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.process import PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from telemetry_core.delivery.alarm import Alarm
    from telemetry_core.delivery.worker import Worker


class Crew:
    """All workers of a client; the last one to leave for good closes the door behind it.

    Each has `left` called by its worker's very last act. Deadlines are of the real steady clock.
    """

    def __init__(self, close_the_door: Callable[[], object], alarm: Alarm) -> None:
        self.dismissed = False
        self._alarm = alarm
        self._workers: list[Worker] = []
        self._resting: set[Worker] = set()
        self._close_the_door = close_the_door
        self._closing = threading.Lock()

    def add(self, worker: Worker) -> None:
        """Count a worker among them."""
        self._workers.append(worker)

    def start(self) -> None:
        """Have all run."""
        for worker in self._workers:
            worker.start()

    @property
    def running(self) -> bool:
        """Whether any thread lives."""
        return any(worker.running for worker in self._workers)

    # -- around a fork

    def rest(self, deadline: float) -> None:
        """Bring those that run to rest, each between two batches."""
        running = [worker for worker in self._workers if worker.running]
        if running:
            self._alarm.waiting.add(self)
        try:
            for worker in running:
                worker.rest(0.0)
            for worker in running:
                worker.rest(deadline - SystemClock.monotonic())
        finally:  # also when a signal handler raises, for the fork goes on
            self._resting.update(running)  # another thread may have others at rest, to fork too

    def ring(self) -> None:
        """Resume at a record that came since, where no thread could be had for it."""
        if not PROCESS.resumes_soon:
            PROCESS.wait_for_resumption()
            self.resume()

    def resume(self) -> None:
        """Have those run again that were brought to rest."""
        self._alarm.waiting.discard(self)
        with suppress(KeyError):  # until it is empty
            while True:
                self._resting.pop().start()

    # -- for good

    def dismiss(self, *, after_a_flush: Collection[Worker] = ()) -> None:
        """Have all end, some of them only after one more try at what is pending; wait for none."""
        self.dismissed = True
        for worker in self._workers:
            if worker in after_a_flush:
                worker.request_flush(last=True)
            else:
                worker.stop()

    def wait(self, deadline: float) -> None:
        """Wait for all to end, the less for those that a flush has waited for in vain."""
        for worker in self._workers:
            worker.join(deadline - worker.waited_for - SystemClock.monotonic())

    def left(self) -> None:
        """Close the door if all were dismissed and nobody is at work any more."""
        if not self.dismissed or any(worker.at_work for worker in self._workers):
            return
        if self._closing.acquire(blocking=False):  # else somebody is closing it
            try:
                self._close_the_door()
            finally:
                self._closing.release()

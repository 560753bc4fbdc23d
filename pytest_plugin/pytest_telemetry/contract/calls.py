"""Makes calls on a thread of its own, each within a limit: what hangs must not hang the tests."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LIMIT = 20.0  # seconds of real time after which a call counts as hanging


class Hangs(Exception):  # noqa: N818 - it says what the call does
    """A call was not over within its limit."""


class Calls:
    """One daemon thread, like the worker that drives a sink, which makes one call after another."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._hangs = False
        self.thread = threading.Thread(target=self._run, name="sink-contract", daemon=True)
        self.thread.start()

    def make(self, call: Callable[[], T], limit: float = LIMIT) -> T:
        """Return what the call returns and raise what it raises; `Hangs` when it takes longer."""
        if self._hangs:
            raise Hangs("not begun: the call before it is not over")
        answer: Future[T] = Future()

        def answered() -> None:
            try:
                answer.set_result(call())
            except BaseException as error:  # also what pytest raises to skip or fail
                answer.set_exception(error)

        self._asked.put(answered)
        if not wait([answer], limit).done:
            self._hangs = True
            raise Hangs(f"not over after {limit:.1f} seconds")
        return answer.result()

    def end(self) -> None:
        """Have the thread end after its call."""
        self._asked.put(None)

    def _run(self) -> None:
        while (call := self._asked.get()) is not None:
            call()

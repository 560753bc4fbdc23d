"""What the process itself tells us: that it forks, and that it ends. The one of its kind."""

from __future__ import annotations

import _thread
import atexit
import os
import sys
import threading
import weakref
from contextlib import suppress
from functools import partial
from typing import Protocol

from msgspec import Struct

from telemetry_core.clock import SystemClock

FORK_PATIENCE = 0.05
RESUMPTION = 1.0  # seconds within which a fork is over, and whoever rested for it goes on


class Member(Protocol):
    """A client's engine, as far as forks and exits concern it."""

    exit_timeout: float

    def rest(self, timeout: float) -> None:
        """Bring the workers to rest between two batches, within so many seconds."""

    def resume(self) -> None:
        """Go on after a fork, in the parent."""

    def leave_to_parent(self) -> None:
        """Close what was inherited, in the forked child and in each child of its own."""

    def ask_for_last_deliveries(self) -> None:
        """Have the running workers deliver what waits and end; start nothing, wait for nothing."""

    def finish(self, deadline: float) -> None:
        """Wait for the workers until a moment of the steady clock, then let go."""


class _Kept(Struct, gc=False):
    """Keeps what must not be finalised, not even when the interpreter ends.

    It holds itself, and the garbage collector, which does not look into it, never finds that out.
    """

    members: list[Member]
    itself: _Kept | None = None


class Process:
    """Passes forks and the exit on to every engine, each within one deadline for all."""

    def __init__(self) -> None:
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._listening = False
        self._forking = threading.Lock()  # from the rest before a fork until all go on after it
        self._overdue_at = 0.0
        self._finalizing_pid = 0
        self._inherited = _Kept([])
        self._inherited.itself = self._inherited

    def join(self, member: Member) -> None:
        """Tell a member of forks and of the exit from now on."""
        self._members.add(member)
        if not self._listening:
            self._listening = True
            atexit.register(self.exit)
            if hasattr(os, "register_at_fork"):
                # Python drops what a signal handler raises within a hook. Starting threads takes
                # milliseconds, so it is left to a thread, and the parent runs no line of ours.
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=partial(_thread.start_new_thread, self._resume, ()),
                    after_in_child=self._after_fork_in_child,
                )
        self._close_with_multiprocessing()

    def exit(self) -> None:
        """Give every member's running workers one common span of time, then let go.

        One that is closed had its time, and is not waited for again.
        """
        members = self._present()
        if not members:
            return
        self.wait_for_resumption()
        now = SystemClock.monotonic()
        deadline = now + max(member.exit_timeout for member in members)
        for member in members:
            with suppress(Exception):  # what one of them cannot do is no other's loss
                member.ask_for_last_deliveries()
        for member in members:
            with suppress(Exception):
                member.finish(deadline if member.exit_timeout else now)

    def _present(self) -> list[Member]:
        while True:
            with suppress(RuntimeError):  # another thread just built a client
                return list(self._members)

    def _close_with_multiprocessing(self) -> None:
        """Have a multiprocessing child let go too: it ends by `os._exit` after its own finalizers, without atexit."""
        parent = getattr(sys.modules.get("multiprocessing.process"), "parent_process", None)
        if parent is None or parent() is None or self._finalizing_pid == os.getpid():
            return
        from multiprocessing.util import Finalize

        self._finalizing_pid = os.getpid()
        Finalize(None, self.exit, exitpriority=0)

    def wait_for_resumption(self) -> None:
        """Let those that a fork brought to rest go on first; never for long."""
        if self._forking.acquire(timeout=FORK_PATIENCE):
            self._let_go()
        else:
            self._resume()  # no thread could be had for it, or another one forks just now

    @property
    def resumes_soon(self) -> bool:
        """Whether those that a fork brought to rest go on without us, as far as one can tell."""
        return self._forking.locked() and SystemClock.monotonic() < self._overdue_at

    def _before_fork(self) -> None:
        deadline = SystemClock.monotonic() + FORK_PATIENCE
        self._overdue_at = deadline + RESUMPTION
        self._forking.acquire(timeout=FORK_PATIENCE)
        for member in self._present():
            member.rest(max(0.0, deadline - SystemClock.monotonic()))

    def _resume(self) -> None:
        try:
            for member in self._present():
                member.resume()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with suppress(RuntimeError):  # of two that forked at once, the other one was quicker
            self._forking.release()

    def _after_fork_in_child(self) -> None:
        self._forking = threading.Lock()
        self._inherited.members += self._present()
        self._members = weakref.WeakSet()
        for member in self._inherited.members:
            with suppress(Exception):  # what one of them cannot do is no other's loss
                member.leave_to_parent()


PROCESS = Process()

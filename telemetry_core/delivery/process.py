"""What the process itself tells us: that it forks, and that it ends. The one of its kind."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Protocol

from telemetry_core.clock import SystemClock

FORK_PATIENCE = 0.05


class Member(Protocol):
    """A client's engine, as far as forks and exits concern it."""

    exit_timeout: float

    def rest(self, timeout: float) -> None:
        """Bring the workers to rest between two batches, within so many seconds."""

    def resume(self) -> None:
        """Go on after a fork, in the parent."""

    def leave_to_parent(self) -> None:
        """Close what was inherited, in the forked child."""

    def ask_for_last_deliveries(self) -> None:
        """Have the running workers deliver what waits; start nothing."""

    def finish(self, deadline: float) -> None:
        """Wait until a moment of the steady clock, then close without calling a sink."""


class Process:
    """Passes forks and the exit on to every engine, each within one deadline for all."""

    def __init__(self) -> None:
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._listening = False
        self._finalizing_pid = 0
        self._inherited: list[object] = []

    def join(self, member: Member) -> None:
        """Tell a member of forks and of the exit from now on."""
        self._members.add(member)
        if not self._listening:
            self._listening = True
            atexit.register(self.exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork,
                    after_in_parent=self._after_fork_in_parent,
                    after_in_child=self._after_fork_in_child,
                )
        self._close_with_multiprocessing()

    def leave(self, member: Member) -> None:
        """Forget a member that was closed."""
        self._members.discard(member)

    def exit(self) -> None:
        """Give every member's running workers one common span of time, then let go."""
        members = list(self._members)
        if not members:
            return
        deadline = SystemClock.monotonic() + max(member.exit_timeout for member in members)
        for member in members:
            member.ask_for_last_deliveries()
        for member in members:
            member.finish(deadline)

    def _close_with_multiprocessing(self) -> None:
        """Have a multiprocessing child let go too: it ends by `os._exit` after its own finalizers, without atexit."""
        parent = getattr(sys.modules.get("multiprocessing.process"), "parent_process", None)
        if parent is None or parent() is None or self._finalizing_pid == os.getpid():
            return
        from multiprocessing.util import Finalize

        self._finalizing_pid = os.getpid()
        Finalize(None, self.exit, exitpriority=0)

    def _before_fork(self) -> None:
        deadline = SystemClock.monotonic() + FORK_PATIENCE
        for member in list(self._members):
            member.rest(max(0.0, deadline - SystemClock.monotonic()))

    def _after_fork_in_parent(self) -> None:
        for member in list(self._members):
            member.resume()

    def _after_fork_in_child(self) -> None:
        members = list(self._members)
        self._members = weakref.WeakSet()
        self._inherited.extend(members)  # never finalised here: it is the parent's
        for member in members:
            member.leave_to_parent()


PROCESS = Process()

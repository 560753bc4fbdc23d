"""Ids that count instead of being random, so that a test can write them down."""

from __future__ import annotations

import itertools
import os

from telemetry_core import format_run_id


class CountingIds:
    """Gives out 1, 2, 3, … in the form of real ids, separately for events and for runs."""

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self._runs = itertools.count(1)
        self._process = 0

    def event_id(self, time_ns: int) -> str:  # noqa: ARG002 - the next one, whatever the time
        """Return `00000000-0000-7000-8000-000000000001` and so on."""
        return f"{self._process:08x}-0000-7000-8000-{next(self._events):012x}"

    def run_id(self, agent_name: str, time_ns: int) -> str:
        """Return `20260101T120000Z-<agent>-00000001` and so on."""
        return format_run_id(agent_name, time_ns, f"{self._process ^ next(self._runs):08x}")

    def reseed(self) -> None:
        """Keep a forked child's ids apart from its parent's by the child's process number."""
        self._process = os.getpid() & 0xFFFFFFFF

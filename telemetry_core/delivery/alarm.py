"""Tells the workers that wait for records that there are some."""

from __future__ import annotations

from typing import Protocol


class Waiting(Protocol):
    """Somebody to be told of new records."""

    def ring(self) -> None:
        """Come and look."""


class Alarm:
    """All the workers that wait for records, as one set that the hot path looks at.

    A worker enters before it looks a last time and leaves when it wakes; nobody else takes it
    out, so a record that is written after that look finds it here.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: set[Waiting] = set()

    def ring(self) -> None:
        """Wake every worker that waits for records."""
        for worker in self.waiting.copy():
            worker.ring()

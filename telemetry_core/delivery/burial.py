"""Brings dead letters to their store before the outbox hears that their records are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.delivery.dead_letters import DeadLetter
    from telemetry_core.delivery.retry import RetryPolicy


class LetterStore(Protocol):
    """Where dead letters are kept."""

    def add(self, sink: str, letters: Sequence[DeadLetter]) -> None:
        """Commit letters, or raise and keep none of them."""


class Burial:
    """Letters on their way to the store; while it cannot be written their records wait here."""

    def __init__(
        self,
        sink: str,
        store: LetterStore,
        clock: Clock,
        retry: RetryPolicy,
        settle: Callable[[Sequence[str]], None],
        complain: Callable[[str, str], None],
    ) -> None:
        self._sink = sink
        self._store = store
        self._clock = clock
        self._retry = retry
        self._settle = settle
        self._complain = complain
        self._letters: list[DeadLetter] = []
        self._failures = 0
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._letters)

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Bury letters now, or as soon as the store can be written."""
        self._letters.extend(letters)
        self.commit()

    def commit(self, *, force: bool = False) -> None:
        """Try what waits once more, if it is time to or somebody asked for it."""
        if not self._letters or (self.wait() > 0 and not force):
            return
        try:
            self._store.add(self._sink, self._letters)
        except Exception as error:
            self._failures += 1
            delay = self._retry.delay(self._failures)
            self._not_before = self._clock.monotonic() + delay
            self._complain("dead_letters", f"dead letters cannot be kept, so they wait: {error}")
            return
        buried, self._letters = self._letters, []
        self._failures, self._not_before = 0, 0.0
        self._settle([letter.record.id for letter in buried])

    def wait(self) -> float:
        """Return the seconds until the store is tried again."""
        return max(0.0, self._not_before - self._clock.monotonic())

"""Knows which databases were being worked on when this process was forked."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telemetry_sqlite.errors import DatabaseUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Work:
    """The databases this process is at work on. The one of its kind.

    SQLite notes in the memory of a process which of its connections hold which locks. A child
    that is forked meanwhile inherits the note, and not the thread that would strike it out: every
    connection of the child to that database would wait for its own process, and let others wait
    for it, as long as the child lives. So it keeps away from it.
    """

    def __init__(self) -> None:
        self._under_way: dict[object, str] = {}
        self._inherited: frozenset[str] = frozenset()
        self.forks = 0  # between the process that imported this and the present one
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._remember)

    def refuse_inherited(self, path: str) -> None:
        """Raise `DatabaseUnusableError` in a child forked in the middle of work on a database."""
        if self._inherited and os.path.realpath(path) in self._inherited:
            raise DatabaseUnusableError(
                f"{path} was being worked on when this process was forked",
                "what this process records is delivered by another one as soon as it ends",
            )

    @contextmanager
    def on(self, path: str) -> Iterator[None]:
        """Work on a database, holding locks of SQLite's."""
        work = object()
        self._under_way[work] = path
        try:
            yield
        finally:
            del self._under_way[work]

    def _remember(self) -> None:
        self.forks += 1
        self._inherited |= frozenset(map(os.path.realpath, self._under_way.values()))


WORK = _Work()

"""Remembers which exceptions were told, on the exceptions themselves: each is told once."""

from __future__ import annotations

_MARK = "__telemetry_event_ids__"


class ToldExceptions:
    """The exceptions that one client was told.

    However many layers of a program see an exception pass, it is one event.
    """

    def __init__(self) -> None:
        self._whose = object()

    def claim(self, error: BaseException, event_id: str) -> str:
        """Return the id under which an exception is told: this one, unless it has one already."""
        try:
            ids = error.__dict__.setdefault(_MARK, {})
            told = ids.setdefault(self._whose, event_id)
        except Exception:  # one that cannot be marked is told each time
            return event_id
        return told if type(told) is str else event_id

"""Tells the store of runs what became of them here, without keeping anybody from delivering."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from telemetry_core import get_logger, iso8601

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry_core import Clock, Receipt, Record, RunRecord

_log = get_logger("telemetry_core.sheets")

PACED = "pace"  # the code of a receipt that only asks for time
_KEPT = 10_000  # runs that the store does not have yet


class Outcomes:
    """Keeps what is to be told until the store has the runs: it may get them after the sheet.

    What cannot be told is left out: it says nothing of whether a row is there.
    """

    def __init__(self, find_store: Callable[[], Any] | None, clock: Clock) -> None:
        self._find_store = find_store
        self._clock = clock
        self._note: Callable[..., set[str]] | None = None
        self._posted: dict[str, str] = {}
        self._failed: Counter[str] = Counter()

    def note(self, runs: dict[Record, RunRecord], receipt: Receipt) -> None:
        """Take what a receipt says of these runs, and tell the store."""
        if self._find_store is None:
            return
        moment = iso8601(self._clock.time_ns())
        for record, run in runs.items():
            if record.id in receipt.delivered:
                self._posted[run.event_id] = moment
            elif record.id in receipt.rejected or receipt.code not in {"", PACED}:
                self._failed[run.event_id] += 1
        self.tell()

    def tell(self) -> None:
        """Tell the store what it was not told; never raises."""
        if not self._posted and not self._failed:
            return
        try:
            known = self._told()
        except Exception as error:
            _log.debug("what became of runs cannot be noted now: %s", error)
            known = set()
        self._forget(known)
        self._forget(islice(list(self._posted), max(0, len(self._posted) - _KEPT)))
        self._forget(islice(list(self._failed), max(0, len(self._failed) - _KEPT)))

    def _told(self) -> set[str]:
        if self._note is None and self._find_store is not None:
            self._note = getattr(self._find_store(), "note_posts", None)
        if self._note is None:  # nobody keeps it
            return {*self._posted, *self._failed}
        return self._note(dict(self._posted), dict(self._failed))

    def _forget(self, ids: Iterable[str]) -> None:
        for event_id in ids:
            self._posted.pop(event_id, None)
            self._failed.pop(event_id, None)

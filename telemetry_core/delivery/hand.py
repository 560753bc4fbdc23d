"""What a shipper has in hand: records taken and not settled, and which of them it wants at all."""

from __future__ import annotations

import re
from collections import deque
from fnmatch import translate
from operator import attrgetter
from typing import TYPE_CHECKING

from telemetry_core.models import RunEvent
from telemetry_core.records import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from telemetry_core.records import Record

_seq = attrgetter("seq")
_source = attrgetter("source")

RUNS = "runs"  # the word for all run records in `only` and `except`


class Choice:
    """A sink's `only` and `except`: patterns of event types, `runs`, or a kind of run record."""

    def __init__(self, only: Sequence[str], except_: Sequence[str]) -> None:
        self._only = _Names(only) if only else None
        self._except = _Names(except_) if except_ else None

    def wants(self, record: Record) -> bool:
        """Say whether the sink is to have a record."""
        if self._only is not None and not self._only.name(record):
            return False
        return self._except is None or not self._except.name(record)


class _Names:
    def __init__(self, patterns: Sequence[str]) -> None:
        words = frozenset(patterns)
        runs = {Kind.START_RUN, Kind.UPDATE_RUN, Kind.END_RUN}
        self._kinds = runs if RUNS in words else {kind for kind in runs if kind.value in words}
        types = words.difference({RUNS}, runs)
        self._types = re.compile("|".join(map(translate, sorted(types))) if types else r"(?!)")

    def name(self, record: Record) -> bool:
        body = record.body
        if isinstance(body, RunEvent):
            return self._types.match(body.event_type) is not None
        return record.kind in self._kinds


class Hand:
    """Records on their way to a sink, and how often each was tried."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._attempts: dict[str, int] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Iterable[Record]) -> None:
        """Take further records in hand."""
        for record in records:
            self._records.append(record)
            self.size += record.size

    def choose(self, limit: int, max_bytes: int) -> list[Record]:
        """Return the next records to ship, at least one, in the order in which they were made.

        Sequence numbers compare within one source only; sources stay one after another.
        """
        chosen: list[Record] = []
        room = max_bytes
        for record in self._records:
            room -= record.size
            if len(chosen) == limit or (chosen and room < 0):
                break
            chosen.append(record)
        sources = list(dict.fromkeys(map(_source, chosen)))
        chosen.sort(key=_seq)
        if len(sources) > 1:
            chosen.sort(key=lambda record: sources.index(record.source))
        return chosen

    def bring_another(self) -> None:
        """Put the last record first, so that another than the first is shipped next."""
        self._records.rotate(1)

    def put_behind(self, count: int) -> None:
        """Put the first records last, so that a later trial begins with others."""
        self._records.rotate(-count)

    def tried(self, records: Iterable[Record]) -> int:
        """Count an attempt for each record; return the highest count."""
        attempts, highest = self._attempts, 0
        for record in records:
            attempts[record.id] = count = attempts.get(record.id, 0) + 1
            highest = max(highest, count)
        return highest

    def attempts(self, record_id: str) -> int:
        """Return how often a record was tried."""
        return self._attempts.get(record_id, 0)

    def drop(self, ids: Collection[str]) -> None:
        """Let go of records that are settled or about to be."""
        self._records = deque(record for record in self._records if record.id not in ids)
        self.size = sum(record.size for record in self._records)
        for record_id in ids:
            self._attempts.pop(record_id, None)

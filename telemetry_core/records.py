"""What the spool holds, what is handed to a sink, and what comes back."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from telemetry_core.clock import parse_iso8601

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from telemetry_core.models import RunEvent, RunRecord

FOREVER = 2**63 - 1  # a pause without an end


class Kind(StrEnum):
    """What a record tells."""

    START_RUN = "start_run"
    UPDATE_RUN = "update_run"
    END_RUN = "end_run"
    EVENT = "event"


class Lane(StrEnum):
    """How urgent a record is: critical ones go first and never make room for standard ones."""

    CRITICAL = "critical"
    STANDARD = "standard"


@define(eq=False)
class Record:
    """What the spool holds: one moment of the story, with the run or the event as its body.

    :ivar source: which log it was read from; sequence numbers compare only within one.
    :ivar adopted: it is from a client that is gone, which may have shipped it without hearing of it.
    """

    id: str
    kind: Kind
    seq: int
    time_ns: int
    lane: Lane
    body: RunRecord | RunEvent
    size: int = 0
    source: int = 0
    adopted: bool = False

    @classmethod
    def of_run(cls, run: RunRecord, id: str, *, size: int = 0) -> Self:
        """Return the record of a run that was stored, as of when that was: this must not be now."""
        kind = Kind.END_RUN if run.ended else Kind.START_RUN
        return cls(id, kind, 0, _last_told(run), Lane.CRITICAL, run, size)

    def copy(self) -> Record:
        """Return another record of the same body."""
        return Record(
            self.id,
            self.kind,
            self.seq,
            self.time_ns,
            self.lane,
            self.body,
            self.size,
            self.source,
            self.adopted,
        )


def _last_told(run: RunRecord) -> int:
    """Return when the latest of a run was told, for all that it says itself."""
    for moment in (run.updated_at, run.end_time, run.created_at, run.start_time):
        try:
            return parse_iso8601(moment or "")
        except (ValueError, OverflowError):
            continue
    return 0


def _none_waits(_lane: Lane) -> int:
    return 0


@define(eq=False)
class Batch:
    """Records handed to one sink, to be done with before a deadline of the client's clock.

    :ivar waiting: counts what the sink is owed of one lane, these records too; it reads all that
        waits, so ask only where much may.
    """

    records: tuple[Record, ...]
    sink: str = ""
    deadline: float = float("inf")
    attempt: int = 1
    waiting: Callable[[Lane], int] = field(default=_none_waits, repr=False)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@define
class Rejection:
    """Why a sink will never accept a record.

    :ivar certain: it is the record's kind, whatever became of others. Without it, one code for
        a whole batch makes the core ask whether the other end is to blame.
    """

    code: str
    reason: str
    certain: bool = False


@define
class Receipt:
    """What became of each record of a batch; a record that is not named here waits."""

    delivered: frozenset[str] = frozenset()
    rejected: Mapping[str, Rejection] = field(factory=dict)
    retry_after: float | None = None
    pause_until: int | None = None
    refused_whole: bool = False
    code: str = ""
    reason: str = ""

    @classmethod
    def all(cls, batch: Batch) -> Self:
        """Say that everything arrived."""
        return cls(delivered=frozenset(record.id for record in batch))

    @classmethod
    def of(
        cls, delivered: Iterable[str] = (), rejected: Mapping[str, Rejection] | None = None
    ) -> Self:
        """Say that these arrived and those never will; the rest waits."""
        return cls(delivered=frozenset(delivered), rejected=dict(rejected or {}))

    @classmethod
    def wait(cls, reason: str = "", *, code: str = "", retry_after: float | None = None) -> Self:
        """Try again later, not before `retry_after` seconds when given; nothing arrived."""
        return cls(retry_after=retry_after, code=code, reason=reason)

    @classmethod
    def refuse(cls, code: str, reason: str) -> Self:
        """Say that the batch was refused as a whole; it is halved to find the offender."""
        return cls(refused_whole=True, code=code, reason=reason)

    @classmethod
    def pause(cls, code: str, reason: str, *, until_ns: int | None = None) -> Self:
        """Stop sending until a time, or (without one) until somebody changes the settings."""
        return cls(pause_until=FOREVER if until_ns is None else until_ns, code=code, reason=reason)


class Level(StrEnum):
    """How bad a finding is: `fail` keeps something from working, `warn` may do so one day."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@define(frozen=True)
class Finding:
    """What an examination found in one place: how bad it is, what it is and what to do about it."""

    name: str
    level: Level
    what: str
    remedy: str = ""


@define
class Health:
    """A sink's own word on its condition."""

    ok: bool
    message: str = ""
    details: Mapping[str, Any] = field(factory=dict)

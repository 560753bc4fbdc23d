"""Tells stories for sinks: records as they come out of the spool, ordinary and hostile ones."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import (
    Batch,
    Kind,
    Lane,
    Record,
    RunEvent,
    RunRecord,
    format_run_id,
    iso8601,
    tolerant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND  # 2026-01-01T12:00:00Z
MEGABYTE = 1024 * 1024


class Story:
    """Makes records one second apart, each with an id of its own, and batches of them."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def wants(self, record: Record) -> bool:  # noqa: ARG002 - for stories of sinks that choose
        """Tell whether the sink wants a record; one that it does not need not arrive."""
        return True

    def told(self) -> tuple[Record, ...]:
        """Return a run as it is mostly told: its start, three events with all fields, its end."""
        start, end = self.run()
        run = start.body.run_id
        events = [self.event(run_id=run, payload={"page": page}) for page in range(3)]
        return (start, *events, self.again(end))

    def run(self, **fields: Any) -> tuple[Record, Record]:
        """Return the start and the end of a run."""
        seq = next(self._count)
        started = {
            "run_id": format_run_id("crawler", _moment(seq), uuid.uuid4().hex[:8]),
            "agent_name": "crawler",
            "job_type": "nightly",
            "start_time": iso8601(_moment(seq)),
            "event_id": str(uuid.uuid4()),
            "created_at": iso8601(_moment(seq)),
            "host": "laptop",
            "environment": "test",
            "metrics_json": {"pages": 3},
            "context_json": {"argv": ["crawl"]},
            **fields,
        }
        start = RunRecord(**started)
        return self._of_run(Kind.START_RUN, start, seq), self.end_of(start)

    def end_of(self, run: RunRecord, **fields: Any) -> Record:
        """Return the record of a run's end."""
        seq = next(self._count)
        ended: dict[str, Any] = {
            "status": "success",
            "end_time": iso8601(_moment(seq)),
            "duration_ms": 1000,
        }
        ended |= {"revision": run.revision + 1, **fields}
        return self._of_run(Kind.END_RUN, evolve(run, **ended), seq)

    def event(self, event_type: str = "page.fetched", **fields: Any) -> Record:
        """Return an event; every field has a value unless it is given as None."""
        seq = next(self._count)
        given = {
            "time_ns": _moment(seq),
            "run_id": "run-1",
            "payload": {"page": seq, "depth": {"of": [1, 2]}},
            "distinct_id": "user-7",
            "context": {"source": "contract"},
            **fields,
        }
        event = RunEvent(str(uuid.uuid4()), event_type, **given)
        size = len(event.to_json())
        return Record(event.event_id, Kind.EVENT, seq, event.time_ns, Lane.STANDARD, event, size)

    def again(self, record: Record) -> Record:
        """Return the record as the latest of the story."""
        return evolve(record, seq=next(self._count))

    def batch(self, *records: Record, deadline: float = float("inf")) -> Batch:
        """Return a batch of these records."""
        return Batch(records, sink="contract", deadline=deadline)

    def sparse(self) -> tuple[Record, ...]:
        """Return records in which every field that may be None is None."""
        bare = dict.fromkeys(("created_at", "host", "environment", "metrics_json", "context_json"))
        start, _ = self.run(trigger_type=None, **bare)
        nothing: dict[str, Any] = {"payload": None, "distinct_id": None, "context": None}
        return (
            start,
            self.event(run_id=None),
            self.event(payload=None),
            self.event(distinct_id=None),
            self.event(context=None),
            self.event(run_id=None, **nothing),
        )

    def hostile(self) -> Iterator[Record]:
        """Give records that are hard to store, as far as they reach a sink at all."""
        for payload in _PAYLOADS:
            yield self.event(payload=tolerant(payload))
        yield self.event(payload={"text": "x" * MEGABYTE})
        for name in (
            "",
            "two\nlines",
            "nul\0and\x1b[31mcolour",
            "t" * 10_000,
            "\u202eevil \U0001f47e",
        ):
            yield self.event(name, distinct_id=name)
        for moment in (0, 2**62):
            yield self.event(time_ns=moment)
        yield self.run(agent_name="a\nb\0c", items_discovered=2**70, job_type="j" * 5000)[0]
        yield self.run(start_time="yesterday", metrics_json=tolerant(_deep(150)))[0]

    def _of_run(self, kind: Kind, run: RunRecord, seq: int) -> Record:
        size = len(run.to_json())
        return Record(str(uuid.uuid4()), kind, seq, _moment(seq), Lane.CRITICAL, run, size)


class EndedRuns(Story):
    """Tells of nothing but runs that ended, where another story has events and starts."""

    def wants(self, record: Record) -> bool:
        """Tell whether it is the end of a run."""
        return record.kind is Kind.END_RUN

    def told(self) -> tuple[Record, ...]:
        """Return five runs."""
        return tuple(self.event() for _ in range(5))

    def event(self, event_type: str = "page.fetched", **fields: Any) -> Record:
        """Return the end of a run, with the name and the payload of an event."""
        return self.run(agent_name=event_type, metrics_json=fields.get("payload"))[1]

    def sparse(self) -> tuple[Record, ...]:
        """Return a run in which every field that may be None is None."""
        bare = dict.fromkeys(("created_at", "host", "environment", "metrics_json", "context_json"))
        return (self.run(trigger_type=None, **bare)[1],)

    def hostile(self) -> Iterator[Record]:
        """Give ends of runs that are hard to store."""
        for record in super().hostile():
            body = record.body
            started = isinstance(body, RunRecord) and not body.ended
            yield self.end_of(body) if started and isinstance(body, RunRecord) else record


def _moment(seq: int) -> int:
    return NOON + seq * SECOND


def _deep(depth: int) -> Any:
    return [_deep(depth - 1)] if depth else []


_PAYLOADS: tuple[Any, ...] = (
    {"number": float("nan"), "more": float("-inf")},
    {"large": 2**200, "small": -(2**63) - 1},
    {"half": "\ud800 surrogate", "\udfff": 1},
    {"control": "".join(map(chr, range(32)))},
    {"": 1, "$set": {"a": 1}, "a.b": 2, "__proto__": 3, "id": None, "event_id": "mine"},
    {"quote": "'; DROP TABLE runs; --", "formula": "=1+1", "html": "<script>"},
    _deep(150),
    [],
    {},
    "a text alone",
    0,
    False,
)

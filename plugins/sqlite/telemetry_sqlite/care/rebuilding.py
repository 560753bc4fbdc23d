"""Brings what NDJSON files tell of into a database: runs merged, events by id, as a sink would."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from telemetry_core import RunEvent, SystemClock, TelemetryError
from telemetry_sqlite.care.explaining import explaining
from telemetry_sqlite.care.ndjson_files import lines_of
from telemetry_sqlite.care.ndjson_records import record_of
from telemetry_sqlite.care.unfinished import finish, unfinished
from telemetry_sqlite.database import Database
from telemetry_sqlite.errors import DatabaseUnusableError
from telemetry_sqlite.rows import readable
from telemetry_sqlite.store import store_records, stored_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from telemetry_core import Record, RunRecord
    from telemetry_sqlite.care.progress import Shown

_BATCH_RECORDS = 1000  # some 20 ms: nobody who writes meanwhile waits longer
_BATCH_BYTES = 4 << 20
_MOST_SHOWN = 5


class _Told(NamedTuple):
    """A record, and the line that tells of it."""

    place: str
    record: Record


class _Stored(NamedTuple):
    """What became of the runs, or of the events, of a batch once it is committed."""

    name: str
    told: int
    added: int
    completed: int
    refused: dict[str, str]


@define
class Rebuild:
    """What became of the lines.

    :ivar added: runs and events that were not there.
    :ivar completed: how often a line told more of a run than was there.
    :ivar passed_over: how many lines are no record of ours, and `examples` the first of them.
    :ivar broken: files that could not be read to their end, each with the reason.
    """

    path: str
    files: int = 0
    bytes: int = 0
    lines: int = 0
    told: dict[str, int] = field(factory=lambda: {"runs": 0, "events": 0})
    added: dict[str, int] = field(factory=lambda: {"runs": 0, "events": 0})
    completed: int = 0
    passed_over: int = 0
    examples: list[str] = field(factory=list)
    broken: list[str] = field(factory=list)
    seconds: float = 0.0

    def count(self, stored: _Stored) -> None:
        """Count what was stored, and the lines that could not be."""
        self.told[stored.name] += stored.told
        self.added[stored.name] += stored.added
        self.completed += stored.completed
        for place, why in stored.refused.items():
            self.pass_over(place, why)

    def pass_over(self, place: str, why: object) -> None:
        """Count a line that is no record."""
        self.passed_over += 1
        if len(self.examples) < _MOST_SHOWN:
            self.examples.append(f"{place}: {why}")


def rebuild(
    path: str,
    files: Sequence[Path],
    *,
    wait: float,
    progress: Shown,
) -> Rebuild:
    """Merge the files into a database, which is begun if it is not there; safe while others write.

    Doing it again changes nothing, so after a kill one just does it again. What is no record is
    counted and passed over.

    :param wait: seconds to wait for others at each batch; raises `DatabaseUnusableError` then.
    """
    with explaining(f"{path} has what was merged until now, and doing it again merges the rest"):
        return _merged(path, files, wait, progress)


def rebuild_beside(
    path: str,
    files: Sequence[Path],
    *,
    wait: float,
    progress: Shown,
) -> Rebuild:
    """Build a new database beside the one at the path, complete or not there at all."""
    original = Path(path)
    target = original.with_name(f"{original.stem}.rebuilt{original.suffix}")
    if target.exists():
        raise DatabaseUnusableError(f"{target} is there already; put it in place or remove it")
    with explaining(f"{target} was not made"), unfinished(str(target)) as draft:
        done = _merged(draft, files, wait, progress)
        if not any(done.told.values()):
            raise DatabaseUnusableError(f"{target} was not made: the files tell of nothing")
        finish(draft, str(target))
    done.path = str(target)
    return done


def _merged(path: str, files: Sequence[Path], wait: float, progress: Shown) -> Rebuild:
    done = Rebuild(path, files=len(files))
    began = SystemClock.monotonic()
    with closing(Database(path)) as database:
        for batch in _batches(_told(files, done, progress)):
            deadline = SystemClock.monotonic() + wait
            for stored in database.write(partial(_store, batch=batch), deadline):
                done.count(stored)
    done.seconds = SystemClock.monotonic() - began
    return done


def _told(files: Sequence[Path], done: Rebuild, progress: Shown) -> Iterator[_Told]:
    """Give what every line tells of, and count the lines that tell of nothing."""
    total = sum(path.stat().st_size for path in files if path.exists())

    def read(size: int) -> None:
        done.bytes += size
        progress(done.bytes, total)

    for path in files:
        for line in lines_of(path, read):
            if line.broken:
                done.broken.append(f"{line.place}: {line.problem}")
                continue
            done.lines += 1
            if line.problem:
                done.pass_over(line.place, line.problem)
                continue
            try:
                record = record_of(line.text)
            except TelemetryError as error:
                done.pass_over(line.place, error)
            else:
                yield _Told(line.place, record)


def _batches(told: Iterable[_Told]) -> Iterator[list[_Told]]:
    batch: list[_Told] = []
    size = 0
    for one in told:
        batch.append(one)
        size += one.record.size
        if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _store(connection: Connection, batch: list[_Told]) -> list[_Stored]:
    """Store a batch as a sink does, and return what became of it."""
    parts: dict[str, list[_Told]] = {"runs": [], "events": []}
    for one in batch:
        parts["events" if isinstance(one.record.body, RunEvent) else "runs"].append(one)
    return [_store_part(connection, name, part) for name, part in parts.items()]


def _store_part(connection: Connection, name: str, part: list[_Told]) -> _Stored:
    records = [one.record for one in part]
    there, before = _known(connection, name, records), _runs(connection, name, records)
    refused = store_records(connection, records)
    added = _known(connection, name, records) - there
    after = _runs(connection, name, records)
    completed = sum(after[event_id] != run for event_id, run in before.items())
    reasons = {one.place: refused[one.record.id].reason for one in part if one.record.id in refused}
    return _Stored(name, len(part), added, completed, reasons)


def _runs(connection: Connection, name: str, records: list[Record]) -> dict[str, RunRecord]:
    """Return the runs of the records that are there; triggers would be among what SQLite counts."""
    if name != "runs":
        return {}
    return stored_runs(connection, list({readable(str(one.body.event_id)) for one in records}))


def _known(connection: Connection, name: str, records: list[Record]) -> int:
    """Return how many of the records are of runs or events that are there."""
    table = {"runs": "agent_runs", "events": "run_events"}[name]
    ids = [readable(str(record.body.event_id)) for record in records]
    sql = f"SELECT count(*) FROM {table} WHERE event_id IN ({', '.join('?' * len(ids))})"
    return int(connection.execute(sql, ids).fetchone()[0])

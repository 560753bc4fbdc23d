"""A right sink, its contract, and sinks that each have one fault planted in them."""

from __future__ import annotations

import itertools
import json
import os
import threading
import uuid
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path  # noqa: TC003 - the types of settings are read
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from attrs import define, field
from pytest_telemetry import SinkContract

from telemetry_core import (
    Batch,
    Clock,
    Health,
    Kind,
    Receipt,
    Record,
    Rejection,
    RunEvent,
    RunRecord,
    Secret,
    SystemClock,
    get_logger,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BIG = 100_000  # what is larger is refused by some of these


@define(eq=False)
class RightSink:
    """Delivers into a folder: each record is a file, named by its id."""

    batch_size: ClassVar[Any] = 50

    where: Path
    key: Secret = field(factory=lambda: Secret(""))
    clock: Clock = field(factory=SystemClock)
    batches: int = field(default=0, init=False)
    kept: Any = field(default=None, init=False)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Any:
        self.knock(batch)
        self.batches += 1
        return self.take(batch)

    def knock(self, batch: Batch) -> None:
        if (self.where / "down").exists():
            raise ConnectionError("nobody is there")
        if (self.where / "hangs").exists():
            self.wait(batch)
            raise TimeoutError("no answer")

    def wait(self, batch: Batch) -> None:
        self.clock.sleep(max(0.0, batch.deadline - self.clock.monotonic()))

    def take(self, batch: Batch) -> Any:
        for record in batch:
            self.put(record)
        return Receipt.all(batch)

    def put(self, record: Record) -> None:
        self.write(record, record.id)

    def write(self, record: Record, name: str) -> None:
        path = self.where / "end" / f"{name}.json"
        path.parent.mkdir(exist_ok=True, parents=True)
        known = {"id": record.id, "status": getattr(record.body, "status", "")}
        path.write_text(json.dumps({**known, "run": record.body.run_id}))

    def destination(self) -> str:
        return str(self.where)

    @hookimpl
    def check_health(self) -> Any:
        return Health(ok=not (self.where / "down").exists())

    def stats(self) -> Any:
        return {"batches": self.batches}

    def close(self) -> None:
        self.kept = None


LEAKED: list[int] = []


class Planted(SinkContract):
    """The contract of all these sinks; `contracts` makes one for each."""

    secret = "planted/secret"
    kind: ClassVar[type[RightSink]] = RightSink
    patience = 1.0

    @pytest.fixture(autouse=True)
    def _close_what_leaked(self) -> Iterator[None]:
        yield
        while LEAKED:
            os.close(LEAKED.pop())

    def make_sink(self, where: Path) -> RightSink:
        return self.kind(where, Secret(self.secret))

    def delivered(self, where: Path) -> list[str]:
        return [entry["id"] for entry in _entries(where)]

    def status_of_run(self, where: Path, event_id: str) -> str:
        return ", ".join(entry["status"] for entry in _entries(where))

    @contextmanager
    def break_destination(self, where: Path) -> Iterator[None]:
        (where / "down").touch()
        yield
        (where / "down").unlink()

    @contextmanager
    def hang_destination(self, where: Path) -> Iterator[None]:
        (where / "hangs").touch()
        yield
        (where / "hangs").unlink()


def _entries(where: Path) -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in where.glob("end/**/*.json")]


def contracts(names: list[str]) -> dict[str, type[Planted]]:
    """Return a test class for each of these sinks."""
    return {
        f"Test{name}": type(f"Test{name}", (Planted,), {"kind": globals()[name]}) for name in names
    }


# What is said, and what arrives


class SwallowsFailures(RightSink):
    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        with suppress(ConnectionError):
            super().ship_batch(batch)
        return Receipt.all(batch)


class HasAnotherWay(RightSink):
    """Its other end is not what the contract takes down."""

    def knock(self, batch: Batch) -> None:
        if not (self.where / "down").exists():
            super().knock(batch)


class KeepsForTheNextCall(RightSink):
    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        self.kept = [*(self.kept or ()), *batch]
        with suppress(ConnectionError):
            super().ship_batch(Batch(tuple(self.kept), deadline=batch.deadline))
            self.kept = None
        return Receipt.all(batch)


class DeliversWithTheClose(RightSink):
    def take(self, batch: Batch) -> Receipt:
        self.kept = [*(self.kept or ()), *batch]
        return Receipt.all(batch)

    def close(self) -> None:
        for record in self.kept or ():
            self.put(record)
        self.kept = None


class LosesTheLastOfMany(RightSink):
    def take(self, batch: Batch) -> Receipt:
        for record in batch.records[: max(1, len(batch) - 1)]:
            self.put(record)
        return Receipt.all(batch)


class RejectsWhileDown(RightSink):
    @hookimpl
    def ship_batch(self, batch: Batch) -> Any:
        try:
            return super().ship_batch(batch)
        except ConnectionError:
            return Receipt.of((), {record.id: Rejection("down", "") for record in batch})


class NeverRecovers(RightSink):
    def knock(self, batch: Batch) -> None:
        self.kept = self.kept or (self.where / "down").exists()
        if self.kept:
            raise ConnectionError("the connection is broken")
        super().knock(batch)


class NamesWhatWasBefore(RightSink):
    def take(self, batch: Batch) -> Receipt:
        super().take(batch)
        self.kept = {*(self.kept or ()), *(record.id for record in batch)}
        return Receipt.of(self.kept)


class SettlesByPosition(RightSink):
    def take(self, batch: Batch) -> Receipt:
        refused = {}
        for place, record in enumerate(reversed(batch.records)):
            if record.size > BIG:
                refused[batch.records[place].id] = Rejection("big", "too big")
            else:
                self.put(record)
        return Receipt.of({r.id for r in batch} - refused.keys(), refused)


class AnswersTrue(RightSink):
    def take(self, batch: Batch) -> bool:
        super().take(batch)
        return True


class RejectsWithAText(RightSink):
    def take(self, batch: Batch) -> Receipt:
        refused: Any = {record.id: "too big" for record in batch if record.size > BIG}
        stored = [record for record in batch if record.id not in refused]
        super().take(Batch(tuple(stored)))
        return Receipt(frozenset(record.id for record in stored), refused)


# What comes again, and in which order


class DeliversTwiceAsNew(RightSink):
    def put(self, record: Record) -> None:
        self.write(record, str(uuid.uuid4()))


class ReplacesByTheFirst(RightSink):
    def take(self, batch: Batch) -> Receipt:
        for number, record in enumerate(batch):
            folder = self.where / "end" / batch.records[0].id
            if not number and folder.exists():
                for path in folder.iterdir():
                    path.unlink()
            self.write(record, f"{folder.name}/{record.id}")
        return Receipt.all(batch)


class NeedsTheStartFirst(RightSink):
    def put(self, record: Record) -> None:
        started = {entry["run"] for entry in _entries(self.where) if entry["status"] == "running"}
        if record.kind != Kind.END_RUN or record.body.run_id in started:
            super().put(record)


class ReopensRuns(RightSink):
    def put(self, record: Record) -> None:
        self.write(record, record.body.event_id)

    def write(self, record: Record, name: str) -> None:
        super().write(Record(name, *_after_id(record)), name)


def _after_id(r: Record) -> tuple[Any, ...]:
    return r.kind, r.seq, r.time_ns, r.lane, r.body


# What a record holds, and how many there are


class DropsEventsWithoutRun(RightSink):
    def put(self, record: Record) -> None:
        if record.body.run_id is not None:
            super().put(record)


class NeedsAPayload(RightSink):
    def put(self, record: Record) -> None:
        if isinstance(record.body, RunEvent) and record.body.payload is None:
            raise TypeError("'NoneType' object is not iterable")
        super().put(record)


class OneValueCostsTheBatch(RightSink):
    def take(self, batch: Batch) -> Any:
        if any(record.size > BIG for record in batch):
            raise ValueError("the request is too large")
        return super().take(batch)


class ChangesThePayload(RightSink):
    def put(self, record: Record) -> None:
        super().put(record)
        if isinstance(record.body, RunEvent) and isinstance(record.body.payload, dict):
            record.body.payload.pop("page", None)


class ChangesTheRun(RightSink):
    def put(self, record: Record) -> None:
        super().put(record)
        if isinstance(record.body, RunRecord):
            record.body.api_posted = True


class NeedsARecord(RightSink):
    def take(self, batch: Batch) -> Any:
        self.kept = batch.records[0].id
        return super().take(batch)


class TakesBatchSizeOnly(RightSink):
    def take(self, batch: Batch) -> Receipt:
        super().take(Batch(batch.records[: self.batch_size]))
        return Receipt.all(batch)


# Where it delivers, from which process and thread


@define(eq=False)
class MixesDestinations(RightSink):
    latest: ClassVar[Path]

    def __attrs_post_init__(self) -> None:
        type(self).latest = self.where

    def write(self, record: Record, name: str) -> None:
        RightSink(self.latest).write(record, name)


class SharesItsConnectionWithAChild(RightSink):
    """Its connection numbers the requests; the other end takes each number once."""

    connections: ClassVar[dict[Path, Iterator[int]]] = defaultdict(itertools.count)

    def put(self, record: Record) -> None:
        if record.id in {entry["id"] for entry in _entries(self.where)}:
            return
        number = f"{next(self.connections[self.where])}"
        if not (self.where / "end" / f"{number}.json").exists():
            self.write(record, number)


class BelongsToItsThread(RightSink):
    def take(self, batch: Batch) -> Any:
        here = threading.get_ident()
        self.kept = self.kept or here
        if self.kept != here:
            raise RuntimeError("this object was created in another thread")
        return super().take(batch)


# When it is over


class BlocksPastItsDeadline(RightSink):
    def wait(self, batch: Batch) -> None:
        while (self.where / "hangs").exists():
            threading.Event().wait(0.05)


class RetriesByItself(RightSink):
    def knock(self, batch: Batch) -> None:
        threading.Event().wait(1.5 if (self.where / "down").exists() else 0.0)
        super().knock(batch)


@define(eq=False)
class ConnectsWhenBuilt(RightSink):
    def __attrs_post_init__(self) -> None:
        self.knock(Batch(()))


class RaisesInClose(RightSink):
    def close(self) -> None:
        raise RuntimeError("cannot be closed")


class ClosesOnceOnly(RightSink):
    def close(self) -> None:
        if self.kept == "closed":
            raise RuntimeError("closed already")
        self.kept = "closed"


class RaisesInCloseWhileDown(RightSink):
    def close(self) -> None:
        self.knock(Batch(()))


class LeavesAThread(RightSink):
    def take(self, batch: Batch) -> Any:
        if self.kept is None:
            self.kept = threading.Thread(target=threading.Event().wait, args=(3.0,), daemon=True)
            self.kept.start()
        return super().take(batch)


class LeavesADescriptorOfEachBatch(RightSink):
    def take(self, batch: Batch) -> Any:
        self.kept = [*(self.kept or ()), os.open(os.devnull, os.O_RDONLY)]
        return super().take(batch)

    def close(self) -> None:
        for descriptor in self.kept or ():
            os.close(descriptor)
        self.kept = None


class LeavesADescriptorWhenClosed(RightSink):
    def take(self, batch: Batch) -> Any:
        if self.kept is None:
            self.kept = os.open(os.devnull, os.O_RDONLY)
            LEAKED.append(self.kept)
        return super().take(batch)


# What it says of itself


class RaisesInCheckHealth(RightSink):
    @hookimpl
    def check_health(self) -> Health:
        self.knock(Batch(()))
        return Health(ok=True)


class IsHealthyByTrue(RightSink):
    @hookimpl
    def check_health(self) -> bool:
        return True


class ChangesItsDestination(RightSink):
    def destination(self) -> str:
        return f"{self.where}#{self.batches}"


class CountsInAList(RightSink):
    def stats(self) -> list[int]:
        return [self.batches]


class HasASizeInWords(RightSink):
    batch_size = "50"


@define(eq=False)
class HasASettingNoTableHolds(RightSink):
    transport: Any = field(factory=object)


@define(eq=False)
class ChangesItsSettings(RightSink):
    connection: Any = None

    def put(self, record: Record) -> None:
        self.connection = self.connection or object()
        super().put(record)


class HasNoHook(RightSink):
    def ship_batch(self, batch: Batch) -> Any:
        return super().ship_batch(batch)


# What it shows


class ShowsItsKeyInAnError(RightSink):
    def knock(self, batch: Batch) -> None:
        try:
            super().knock(batch)
        except ConnectionError as error:
            raise RuntimeError("not sent") from ValueError(error, self.key.reveal())


class ShowsItsKeyInAReceipt(RightSink):
    @hookimpl
    def ship_batch(self, batch: Batch) -> Any:
        try:
            return super().ship_batch(batch)
        except ConnectionError:
            return Receipt.wait(f"GET https://example.com/?key={self.key.reveal()} failed")


class ShowsItsKeyInALog(RightSink):
    def take(self, batch: Batch) -> Any:
        get_logger("planted").debug("delivering with %s", self.key.reveal())
        return super().take(batch)


class ShowsItsKeyInItsHealth(RightSink):
    @hookimpl
    def check_health(self) -> Health:
        return Health(ok=True, details={"url": f"https://example.com/?key={self.key.reveal()}"})


class ShowsItsKeyInItsDestination(RightSink):
    def destination(self) -> str:
        return f"{self.where}?key={self.key.reveal()}"

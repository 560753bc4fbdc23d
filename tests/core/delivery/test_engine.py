"""The rooms of delivery put together for one client."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry.clock import FakeClock

from telemetry_core import (
    Health,
    Lane,
    Receipt,
    Rejection,
    TelemetryClient,
    hookimpl,
    load_config,
)
from telemetry_core.delivery.sinks import MEMORY_RETRY
from telemetry_core.delivery.spool.frame import frame
from telemetry_core.delivery.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FAR_TOO_LONG = 60


class Keeper:
    """A sink that keeps the types of the events it gets."""

    def __init__(self) -> None:
        self.types: list[str] = []

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.types += [record.body.event_type for record in batch]


class Counter:
    """A sink that counts what waits for it, of each lane."""

    batch_size = 1

    def __init__(self) -> None:
        self.counts: list[tuple[int, int]] = []

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.counts.append((batch.waiting(Lane.CRITICAL), batch.waiting(Lane.STANDARD)))


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., TelemetryClient]]:
    clients: list[TelemetryClient] = []

    def make(*plugins: object, clock: Any = None, **settings: str) -> TelemetryClient:
        environ = {"TELEMETRY_BASE_DIR": str(tmp_path), **settings}
        config = load_config(environ=environ)
        config.active = ()
        clients.append(TelemetryClient(config, plugins=plugins, clock=clock))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_thread_caught_between_its_call_and_the_write_loses_nothing_to_close(
    make_client: Callable[..., TelemetryClient], tmp_path: Path
) -> None:
    client = make_client(Keeper())
    client.capture("before")
    assert client.flush(20)
    write = client._teller.engine.spool.writer.standard.write  # type: ignore[union-attr]
    [segment] = (tmp_path / "spool").rglob("standard-*.seg")
    line = segment.read_bytes().split(b" ", 1)[1].rstrip(b"\n")
    client.close()
    write(frame(line.replace(b"before", b"caught")))
    keeper = Keeper()
    assert make_client(keeper).flush(20)
    assert keeper.types == ["caught"]


def test_a_flush_reports_what_became_of_every_record(
    make_client: Callable[..., TelemetryClient],
) -> None:
    class Choosy:
        @hookimpl
        def ship_batch(self, batch: Any) -> Receipt:
            first, second, *_ = [record.id for record in batch]
            return Receipt.of([first], {second: Rejection("no", "never")})

    client = make_client(Choosy(), Keeper(), TELEMETRY_LINGER="600")
    for name in ("a", "b", "c"):
        client.capture(name)
    report = client.flush(20)
    choosy, keeper = report.sinks["choosy"], report.sinks["keeper"]
    assert (choosy.delivered, choosy.refused, choosy.pending) == (1, 1, 1)
    assert (keeper.delivered, keeper.pending) == (3, 0)
    assert not report


def test_a_sink_that_hangs_is_waited_for_no_longer_than_asked(
    make_client: Callable[..., TelemetryClient],
) -> None:
    release, keeper = threading.Event(), Keeper()

    class Hanging:
        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            release.wait(FAR_TOO_LONG)

    client = make_client(Hanging(), keeper, TELEMETRY_EXIT_TIMEOUT="0.05")
    client.capture("x")
    while not keeper.types:
        report = client.flush(0.05)
    assert (report.sinks["hanging"].pending, bool(report)) == (1, False)
    client.close()
    assert not release.is_set()
    release.set()


def test_flushing_from_a_sinks_own_worker_returns(
    make_client: Callable[..., TelemetryClient],
) -> None:
    reports: list[Any] = []

    class Recursive:
        client: Any = None

        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            reports.append(self.client.flush(FAR_TOO_LONG * 10))

    sink = Recursive()
    sink.client = make_client(sink)
    sink.client.capture("x")
    assert sink.client.flush(20)
    assert len(reports) == 1


def test_a_sink_that_cannot_be_built_is_off_and_its_records_wait(
    make_client: Callable[..., TelemetryClient], caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper()
    client = make_client(keeper)
    sink = client._teller.engine.sinks[0]  # type: ignore[union-attr]
    sink.plugin.instance = None
    sink.plugin.make = lambda: 1 / 0
    client.capture("x")
    assert client.flush(20).pending == 1
    health = client.health()
    assert (health.ok, "off: " in health.sinks["keeper"].message) == (False, True)
    assert "ZeroDivisionError" in health.message


def test_health_is_the_sinks_own_word(make_client: Callable[..., TelemetryClient]) -> None:
    class Ill(Keeper):
        @hookimpl
        def check_health(self) -> Health:
            return Health(ok=False, message="a cold")

    clock = FakeClock()
    client = make_client(Ill(), clock=clock)
    client.capture("x")
    assert client.flush(20)
    clock.wait_for_waiters()
    clock.advance(31)
    clock.wait_for_waiters()
    assert client.health().message == "ill: a cold"


def test_health_tells_of_a_worker_that_does_not_move(
    make_client: Callable[..., TelemetryClient],
) -> None:
    entered, release = threading.Event(), threading.Event()

    class Hanging:
        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            entered.set()
            release.wait(FAR_TOO_LONG)

    clock = FakeClock()
    client = make_client(Hanging(), clock=clock, TELEMETRY_EXIT_TIMEOUT="0", TELEMETRY_LINGER="0")
    client.capture("x")
    entered.wait(FAR_TOO_LONG)
    assert client.health().ok
    clock.advance(31)
    assert "1 record waiting, and its worker has not moved" in client.health().message
    release.set()


def test_a_sink_in_memory_touches_no_disk(
    make_client: Callable[..., TelemetryClient], tmp_path: Path
) -> None:
    keeper = Keeper()
    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path / "none")})
    config.active = ()
    config.plugins = {"keeper": {"delivery": "memory"}}
    client = TelemetryClient(config, plugins=[keeper])
    client.capture("x")
    assert client.flush(20)
    client.close()
    assert keeper.types == ["x"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("table", "kept"), [({}, 256), ({"batch_size": 200}, 400)])
@pytest.mark.parametrize("said", [None, 3])
def test_a_queue_in_memory_is_as_long_as_its_table_says(
    tmp_path: Path, table: dict[str, Any], kept: int, said: int | None
) -> None:
    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path), "TELEMETRY_LINGER": "60"})
    config.active = ()
    queue = {} if said is None else {"queue_size": said}
    config.plugins = {"keeper": {"delivery": "memory", **table, **queue}}
    keeper = Keeper()
    client = TelemetryClient(config, plugins=[keeper])
    for _ in range(500):
        client.capture("x")
    report = client.flush(20)
    client.close()
    assert (len(keeper.types), report.dropped) == (said or kept, 500 - (said or kept))


def test_a_record_in_memory_has_its_other_chance_half_a_second_later() -> None:
    assert MEMORY_RETRY.delay(1) == 0.5


def test_only_and_except_choose_what_a_sink_gets(tmp_path: Path) -> None:
    class Runs(Keeper):
        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            self.types += [record.kind.value for record in batch]

    keeper, runs = Keeper(), Runs()
    config = load_config(environ={"TELEMETRY_BASE_DIR": str(tmp_path)})
    config.active = ()
    config.plugins = {"keeper": {"only": ["a*"]}, "runs": {"except": ["a*"]}}
    with TelemetryClient(config, plugins=[keeper, runs]) as client:
        client.capture("apple")
        client.end_run(client.start_run("agent", "job"))
        assert client.flush(20)
    assert (keeper.types, sorted(runs.types)) == (["apple"], ["end_run", "start_run"])


def test_adopting_happens_at_the_first_record_without_any_flush(
    make_client: Callable[..., TelemetryClient], tmp_path: Path
) -> None:
    arrived = threading.Event()

    class Noticing(Keeper):
        name = "keeper"

        @hookimpl
        def ship_batch(self, batch: Any) -> None:
            if any(record.body.event_type == "left" for record in batch):
                arrived.set()

    first = make_client(Keeper())
    first.close()
    first.capture("left")
    first._teller.engine.spool.close()  # type: ignore[union-attr]
    make_client(Noticing()).capture("x")
    assert arrived.wait(FAR_TOO_LONG)


def test_at_the_256th_record_the_disk_is_asked_at_once(
    make_client: Callable[..., TelemetryClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = threading.Semaphore(0), Spool.sync

    def watched(spool: Spool) -> None:
        sync(spool)
        synced.release()

    monkeypatch.setattr(Spool, "sync", watched)
    clock = FakeClock()  # stands still: no period ends
    client = make_client(Keeper(), clock=clock, TELEMETRY_DURABILITY="interval")
    client.capture("x")
    clock.wait_for_waiters(2)
    while synced.acquire(blocking=False):
        pass
    for _ in range(256):
        client.capture("x")
    assert synced.acquire(timeout=FAR_TOO_LONG)


def test_a_batch_tells_how_many_wait_in_each_lane(
    make_client: Callable[..., TelemetryClient],
) -> None:
    sink = Counter()
    client = make_client(sink, TELEMETRY_CRITICAL="grave", TELEMETRY_LINGER="60")
    for event_type in ("tick", "grave", "tick"):
        client.capture(event_type)
    assert client.flush(20)
    assert sink.counts == [(1, 2), (0, 2), (0, 1)]

"""How a client's delivery comes to its end, whoever hangs, raises or is not there."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, hookimpl, load_config
from telemetry_core.clock import SystemClock
from telemetry_core.delivery.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAR_TOO_LONG = 600.0  # seconds; nobody waits for so long in a test that passes
PATIENCE = 10.0


class Keeper:
    """A sink that keeps the types of the events it gets."""

    def __init__(self) -> None:
        self.types: list[str] = []

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.types += [record.body.event_type for record in batch]


class Slow:
    """A sink whose call takes until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    @hookimpl
    def ship_batch(self, batch: Any) -> None:
        self.entered.set()
        self.go.wait(PATIENCE)


MakeClient = Any


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[..., TelemetryClient]:
    def make(*plugins: object, **settings: str) -> TelemetryClient:
        environ = {"TELEMETRY_BASE_DIR": str(tmp_path), **settings}
        config = load_config(environ={"TELEMETRY_EXIT_TIMEOUT": str(FAR_TOO_LONG), **environ})
        config.active = ()
        return TelemetryClient(config, plugins=plugins)

    return make


def folders(base_dir: Path) -> list[str]:
    return [path.name for path in (base_dir / "spool").iterdir() if path.is_dir()]


def wait_until(condition: Callable[[], bool]) -> None:
    until = SystemClock.monotonic() + PATIENCE
    while not condition():
        assert SystemClock.monotonic() < until
        SystemClock.sleep(0)


# -- after the end


def test_a_closed_client_is_flushed_and_closed_again_in_no_time(make_client: MakeClient) -> None:
    client = make_client(Keeper())
    client.capture("x")
    client.close()

    async def again() -> bool:
        report = await client.aflush(FAR_TOO_LONG)
        await client.aclose()
        return bool(report)

    assert asyncio.run(asyncio.wait_for(again(), PATIENCE))
    assert client.flush(FAR_TOO_LONG)
    client.close()


def test_a_closed_client_takes_over_nothing(make_client: MakeClient, tmp_path: Path) -> None:
    closed, later = make_client(Keeper()), Keeper()
    closed.capture("x")
    closed.close()
    leaving = make_client(Keeper())
    leaving.close()
    leaving.capture("left")
    leaving.close()
    closed.flush(PATIENCE)
    with make_client(later) as client:
        assert client.flush(PATIENCE)
    assert later.types == ["left"]


# -- calls in flight


def test_a_call_in_flight_lets_go_of_the_folder_when_it_returns(
    make_client: MakeClient, tmp_path: Path
) -> None:
    slow = Slow()
    client = make_client(slow, TELEMETRY_EXIT_TIMEOUT="0.01")
    client.capture("x")
    client.close()
    assert len(folders(tmp_path)) == 1
    slow.go.set()
    wait_until(lambda: not folders(tmp_path))


def test_an_event_loop_that_closes_waits_for_sinks_to_close(
    make_client: MakeClient, tmp_path: Path
) -> None:
    class Closing(Keeper):
        def close(self) -> None:
            closing.set()
            proceed.wait(PATIENCE)

    closing, proceed = threading.Event(), threading.Event()
    client = make_client(Closing())
    client.capture("x")

    async def close() -> None:
        leaving = asyncio.ensure_future(client.aclose())
        while not closing.is_set():  # noqa: ASYNC110 - the loop is not held up: it gets here
            await asyncio.sleep(0)
        assert not leaving.done()
        proceed.set()
        await leaving

    asyncio.run(close())
    assert folders(tmp_path) == []


def test_an_event_loop_that_gives_up_closing_leaves_that_to_the_worker(
    make_client: MakeClient, tmp_path: Path
) -> None:
    slow = Slow()
    client = make_client(slow)
    client.capture("x")

    async def give_up() -> None:
        leaving = asyncio.ensure_future(client.aclose())
        while not slow.entered.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(give_up())
    slow.go.set()
    wait_until(lambda: not folders(tmp_path))


# -- what fails on the way


def fail(*_: object) -> bool:
    raise OSError("the disk is gone")


def test_a_failing_takeover_turns_no_sink_off(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Spool, "adopt", fail)
    keeper = Keeper()
    client = make_client(keeper)
    client.capture("x")
    assert client.flush(PATIENCE)
    assert client.health().ok
    assert keeper.types == ["x"]
    assert caplog.text.count("the disk is gone") == 1
    client.close()


@pytest.mark.parametrize("how", ["close", "aclose"])
def test_a_failing_flush_ends_the_workers_all_the_same(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    before = set(threading.enumerate())
    client = make_client(Keeper())
    client.capture("x")
    assert client.flush(PATIENCE)
    [worker] = set(threading.enumerate()) - before
    monkeypatch.setattr("telemetry_core.delivery.engine.Engine.report", fail)
    if how == "close":
        client.close()
    else:
        asyncio.run(client.aclose())
    worker.join(PATIENCE)
    assert not worker.is_alive()
    assert folders(tmp_path) == []


def test_a_call_in_flight_at_close_is_not_waited_for_again_at_exit(make_client: MakeClient) -> None:
    slow = Slow()
    client = make_client(slow, TELEMETRY_EXIT_TIMEOUT="0.05")
    client.capture("said")
    client.close()
    assert client._teller.engine.exit_timeout == 0.0
    slow.go.set()

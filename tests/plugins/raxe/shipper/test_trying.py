"""A call tries again where that may help, within its time; the circuit spares a service in trouble."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from telemetry_raxe.shipper_errors import UnavailableError
from telemetry_raxe.telemetry_shipper import (
    AuthenticationError,
    CircuitOpenError,
    RateLimitError,
    ShipperError,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from tests.plugins.raxe.shipper.conftest import body_of, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_telemetry import FakeClock

    from tests.plugins.raxe.shipper.conftest import AnyAnswer, Shippers


def failing(server: AnyAnswer, status: int = 503, times: int | None = None) -> None:
    """Have the next requests fail that bring events; health goes on."""
    fault = server.fail(status, times)
    fault.concerns = lambda exchange: exchange.request.method == "POST"  # type: ignore[method-assign]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_service_in_trouble_is_tried_again(
    shipper_for: Shippers, server: AnyAnswer, status: int
) -> None:
    failing(server, status, times=3)
    assert shipper_for().ship_batch([scan()]).accepted == 1
    assert server.posts == 4


def test_the_attempts_of_a_call_are_of_one_batch(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    failing(server, times=1)
    shipper = shipper_for()
    shipper.ship_batch([scan()])
    ids = [request.json()["batch_id"] for request in server.requests if request.method == "POST"]
    shipper.ship_batch([scan()])
    assert ids[0] == ids[1] != body_of(server)["batch_id"]


def test_a_call_has_so_many_attempts(shipper_for: Shippers, server: AnyAnswer) -> None:
    failing(server)
    result = shipper_for(max_retries=2, retry_base_delay=0.1).ship_batch([scan()])
    assert (result.success, result.accepted, result.errors[0]["status"]) == (False, 0, 503)
    assert server.posts == 3


def test_a_call_is_over_after_a_minute(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    failing(server)
    began = clock.monotonic()
    with pytest.raises(UnavailableError, match="time of the call is over") as caught:
        shipper_for(max_retries=1000, retry_base_delay=8.0).ship_batch([scan()])
    assert caught.value.code == "deadline"
    assert clock.monotonic() - began < 60


def test_the_service_says_how_long_to_wait(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    server.say({"message": "later"}, 503, retry_after="20")
    began = clock.monotonic()
    with pytest.raises(UnavailableError) as caught:
        shipper_for().ship_batch([scan()])
    assert (clock.monotonic() - began, server.posts) == (40, 3)
    assert caught.value.retry_after == 20


@pytest.mark.parametrize("situation", ["unknown", "telreq", "expired"])
def test_what_stays_as_it_is_is_not_tried_again(
    shipper_for: Shippers, server: AnyAnswer, situation: str
) -> None:
    with pytest.raises(AuthenticationError):
        shipper_for(situation).ship_batch([scan()])
    assert server.posts == 1


def test_a_short_wait_of_a_busy_service_is_waited_out(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    began = clock.monotonic()
    assert shipper_for("flaky").ship_batch([scan()]).accepted == 1
    assert (clock.monotonic() - began, server.posts) == (1, 2)


def test_a_long_wait_of_a_busy_service_is_the_callers(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    began = clock.monotonic()
    with pytest.raises(RateLimitError) as caught:
        shipper_for("rate").ship_batch([scan()])
    assert caught.value.retry_after == 60
    assert (clock.monotonic() - began, server.posts) == (0, 1)


def test_who_does_not_try_again_is_told_when_to(shipper_for: Shippers) -> None:
    shipper = shipper_for("flaky", max_retries=0)
    with pytest.raises(RateLimitError) as caught:
        shipper.ship_batch([scan()])
    assert caught.value.retry_after == 1
    assert shipper.ship_batch([scan()]).success


def test_nobody_there_is_an_error(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    server.down()
    with pytest.raises(ShipperError, match="cannot be reached"):
        shipper.ship_batch([scan()])


def test_an_answer_that_is_lost_brings_nothing_twice(
    shipper_for: Shippers, server: AnyAnswer
) -> None:
    shipper = shipper_for()
    shipper.ship_batch([scan(0)])
    server.lose_reply(times=1)
    result = shipper.ship_batch([scan(1), scan(2)])
    assert (result.success, result.accepted, result.duplicates) == (True, 0, 2)
    assert len(server.events) == 3


@pytest.mark.parametrize("how", ["hang", "slow"])
def test_an_answer_that_does_not_come_is_given_up(
    shipper_for: Shippers, server: AnyAnswer, how: str
) -> None:
    shipper = shipper_for("slow" if how == "slow" else "ok", max_retries=0, timeout_seconds=0.1)
    fault = server.hang() if how == "hang" else None
    with pytest.raises(UnavailableError, match="did not answer in time"):
        shipper.ship_batch([scan()])
    if fault is not None:
        server.clear(fault)


def failed(shipper: TelemetryShipper, times: int) -> None:
    for _ in range(times):
        assert not shipper.ship_batch([scan()]).success


def test_the_circuit_opens_after_five_calls_that_failed(
    shipper: TelemetryShipper, server: AnyAnswer
) -> None:
    failing(server)
    failed(shipper, 4)
    assert shipper.get_circuit_state() == "closed"
    failed(shipper, 1)
    assert shipper.get_circuit_state() == shipper.get_stats()["circuit_state"] == "open"
    with pytest.raises(CircuitOpenError) as caught:
        shipper.ship_batch([scan()])
    assert (caught.value.retry_in, server.posts) == (30, 5)


def test_two_calls_that_succeed_close_the_circuit(
    shipper: TelemetryShipper, server: AnyAnswer, clock: FakeClock
) -> None:
    failing(server, times=5)
    failed(shipper, 5)
    clock.advance(30)
    assert shipper.get_circuit_state() == "half_open"
    shipper.ship_batch([scan()])
    assert shipper.get_circuit_state() == "half_open"
    shipper.ship_batch([scan()])
    assert shipper.get_circuit_state() == "closed"


def test_one_trial_that_fails_opens_the_circuit_for_as_long_again(
    shipper: TelemetryShipper, server: AnyAnswer, clock: FakeClock
) -> None:
    failing(server, times=6)
    failed(shipper, 5)
    clock.advance(30)
    failed(shipper, 1)
    assert shipper.get_circuit_state() == "open"
    clock.advance(30)
    assert shipper.get_circuit_state() == "half_open"


def test_a_success_counts_failures_from_anew(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    for _ in range(2):
        failing(server, times=4)
        failed(shipper, 4)
        shipper.ship_batch([scan()])
    assert shipper.get_circuit_state() == "closed"


@pytest.mark.parametrize("situation", ["unknown", "telreq", "expired", "daily"])
def test_a_refusal_does_not_open_the_circuit(shipper_for: Shippers, situation: str) -> None:
    shipper = shipper_for(situation)
    for _ in range(6):
        with pytest.raises(ShipperError):
            shipper.ship_batch([scan()])
    assert shipper.get_circuit_state() == "closed"


@pytest.mark.parametrize("situation", ["rate", "err"])
def test_a_service_in_trouble_does_open_the_circuit(
    shipper_for: Shippers, server: AnyAnswer, situation: str
) -> None:
    shipper = shipper_for(situation, max_retries=0)
    server.accounts[server.keys["err"]].requests_per_minute = 100
    for _ in range(5):
        try:
            assert not shipper.ship_batch([scan()]).success
        except RateLimitError:
            assert situation == "rate"
    assert shipper.get_circuit_state() == "open"


def test_a_circuit_is_closed_by_hand(shipper: TelemetryShipper, server: AnyAnswer) -> None:
    failing(server, times=5)
    failed(shipper, 5)
    shipper.reset_circuit()
    assert shipper.ship_batch([scan()]).success


def test_of_many_threads_two_may_try_a_circuit_that_is_half_open(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    shipper = shipper_for(max_retries=0, timeout_seconds=5)
    failing(server, times=5)
    failed(shipper, 5)
    clock.advance(30)
    hanging, outcomes = server.hang(), Queue[str]()

    def ship() -> None:
        try:
            outcomes.put(str(shipper.ship_batch([scan()]).success))
        except ShipperError as error:
            outcomes.put(type(error).__name__)

    before = server.posts
    threads = [threading.Thread(target=ship) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert [outcomes.get(timeout=10) for _ in range(8)] == ["CircuitOpenError"] * 8
    server.wait_for(lambda: hanging.count == 2)
    server.clear(hanging)
    for thread in threads:
        thread.join()
    assert server.posts - before == 2


def test_a_limit_kept_here_says_nothing_of_the_service(
    shipper_for: Shippers, server: AnyAnswer, clock: FakeClock
) -> None:
    server.accounts[server.keys["ok"]].requests_per_minute = 6
    shipper = shipper_for(max_retries=0)
    failing(server)
    failed(shipper, 5)
    clock.advance(30)
    failed(shipper, 1)
    clock.advance(29)
    shipper.reset_circuit()
    with pytest.raises(RateLimitError) as caught:
        shipper.ship_batch([scan()])
    assert (caught.value.status, caught.value.retry_after) == (None, 1)
    assert (server.posts, shipper.get_circuit_state()) == (6, "closed")


def test_nothing_is_asked_while_the_circuit_is_open(
    shipper: TelemetryShipper, server: AnyAnswer, clock: FakeClock
) -> None:
    server.down()
    for _ in range(5):
        with pytest.raises(UnavailableError):
            shipper.ship_batch([scan()])
    server.up()
    with pytest.raises(CircuitOpenError):
        shipper.ship_batch([scan()])
    assert server.requests == []


@contextmanager
def trickling() -> Iterator[str]:
    """Serve an answer that never ends, a byte now and then."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError), listening.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                    while not ended.wait(0.02):
                        connection.sendall(b" ")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1/telemetry"
        ended.set()
        with suppress(OSError):
            socket.create_connection(listening.getsockname()).close()
        thread.join()


def test_an_answer_that_never_ends_is_given_up() -> None:
    with trickling() as endpoint:
        config = TelemetryShipperConfig(endpoint, timeout_seconds=0.1, max_retries=0)
        shipper = TelemetryShipper(config)
        with pytest.raises(UnavailableError, match="in time"):
            shipper.ship_batch([scan()])
        shipper.close()

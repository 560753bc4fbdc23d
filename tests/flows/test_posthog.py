"""What a session says reaches PostHog exactly once, whatever happens to the session or to PostHog."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import PostHogServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flows.conftest import Home

KEY = "phc_hunter2"
TELLING = """
def tell(client, *numbers):
    for number in numbers:
        print(client.capture("told", properties={"n": number}), flush=True)
"""


@pytest.fixture
def server() -> Iterator[PostHogServer]:
    server = PostHogServer()
    server.keys.add(KEY)
    with server.serving():
        yield server


def environ(server: PostHogServer, **more: str) -> dict[str, str]:
    return {
        "TELEMETRY_ACTIVE": "posthog",
        "TELEMETRY_TEST_MODE": "live",
        "POSTHOG_API_KEY": KEY,
        "POSTHOG_HOST": server.url,
        **more,
    }


def run(home: Home, server: PostHogServer, source: str, code: int = 0, **more: str) -> str:
    """Run a program to its end, which has to be this exit code, and return what it printed."""
    return home.run(TELLING + source, code=code, **environ(server, **more))


def deliver(home: Home, server: PostHogServer) -> None:
    """Deliver what programs left behind, as the next one does."""
    with home.client(**environ(server)) as client:
        assert client.flush(60)


def told(server: PostHogServer) -> dict[str, int]:
    """Return the numbers that were told, by the uuids under which they are there."""
    events = [event for event in server.events if event["event"] == "told"]
    return {event["uuid"]: event["properties"]["n"] for event in events}


def test_a_session_with_an_outage_a_kill_and_a_restart_arrives_exactly_once(
    home: Home, server: PostHogServer
) -> None:
    server.down()
    killed = run(
        home,
        server,
        """
client = TelemetryClient()
client.start_run("crawler", "nightly")
tell(client, *range(150))
client.capture_exception(ValueError("lost"))
os.kill(os.getpid(), signal.SIGKILL)
""",
        code=-9,
    )
    kept = [path.read_bytes() for path in home.base_dir.rglob("*") if path.is_file()]
    assert any(b"told" in content for content in kept)
    assert not any(KEY.encode() in content for content in kept)
    server.up()
    server.fail(503, times=1)
    server.lose_reply(times=2)
    restarted = run(
        home,
        server,
        """
with TelemetryClient() as client:
    with client.track_run("crawler", "nightly"):
        tell(client, *range(150, 200))
    client.flush(30)
""",
    )
    deliver(home, server)
    expected = dict(zip(killed.split() + restarted.split(), range(200), strict=True))
    assert told(server) == expected
    assert len(server.exceptions) == 1
    runs = [
        (one["event"], one["properties"]["status"])
        for one in server.events
        if "run_" in one["event"]
    ]
    assert sorted(runs) == [
        ("run_ended", "cancelled"),
        ("run_ended", "success"),
        ("run_started", "running"),
        ("run_started", "running"),
    ]  # fmt: skip
    assert server.duplicates > 0


def test_a_posthog_that_hangs_holds_up_neither_flush_nor_exit_and_loses_nothing(
    home: Home, server: PostHogServer
) -> None:
    hanging = server.hang()
    output = run(
        home,
        server,
        """
client = TelemetryClient()
tell(client, *range(10))
print(bool(client.flush(2.0)))
""",
    ).split()
    assert output.pop() == "False"
    server.clear(hanging)
    deliver(home, server)
    assert told(server) == dict(zip(output, range(10), strict=True))


def test_without_a_key_it_is_said_once_and_nothing_is_sent(
    home: Home, server: PostHogServer
) -> None:
    warned = run(
        home,
        server,
        """
import logging
logging.basicConfig()
with TelemetryClient() as client:
    tell(client, 1)
    client.flush(1)
    tell(client, 2)
    client.flush(1)
""",
        POSTHOG_API_KEY="",
    )
    assert warned.count("has no project key: set api_key in [plugins.posthog]") == 1
    assert server.requests == []


def test_what_waited_for_a_key_arrives_with_it(home: Home, server: PostHogServer) -> None:
    run(home, server, "tell(TelemetryClient(), 1)", POSTHOG_API_KEY="")
    deliver(home, server)
    assert [*told(server).values()] == [1]


def test_what_posthog_cannot_take_costs_no_other_event(home: Home, server: PostHogServer) -> None:
    """Tell of an event of two megabytes, which is kept with the reason, and of odd ones."""
    run(
        home,
        server,
        """
with TelemetryClient() as client:
    circle = {}
    circle["again"] = circle
    client.capture("large", properties={"text": "x" * 2_000_000})
    for odd in (object(), float("nan"), {1: {2}}, "half \\ud800", b"\\xff", circle):
        client.capture("odd", properties={"value": odd})
    client.flush(30)
""",
    )
    assert [event["event"] for event in server.events] == ["odd"] * 6
    with closing(sqlite3.connect(home.base_dir / "dead_letters.sqlite")) as letters:
        [(code, reason)] = letters.execute("SELECT code, reason FROM dead_letters").fetchall()
    assert code == "too_large"
    assert "921,600 bytes" in reason


def test_threads_a_forked_child_and_the_exit_are_all_heard(
    home: Home, server: PostHogServer
) -> None:
    run(
        home,
        server,
        """
import atexit
client = TelemetryClient()
threads = [threading.Thread(target=tell, args=(client, n)) for n in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
signal.signal(signal.SIGUSR1, lambda *_: (tell(client, 50), client.flush(0.1)))
os.kill(os.getpid(), signal.SIGUSR1)
if os.fork() == 0:
    tell(client, 51)
    client.close()
    os._exit(0)
os.wait()
atexit.register(tell, client, 52)
""",
    )
    deliver(home, server)
    assert sorted(told(server).values()) == list(range(53))


def test_opting_out_wins_over_a_key(home: Home, server: PostHogServer) -> None:
    program = "c = TelemetryClient(); tell(c, 1); c.flush(1)"
    run(home, server, program, DO_NOT_TRACK="1")
    run(home, server, program, TELEMETRY_DISABLED="1")
    assert server.requests == []

"""From many threads, a forked child, a signal handler, at exit: it works, or it does no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.forked import ended, forked

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import PostHogServer
    from telemetry_posthog import TelemetryClient

    from tests.plugins.posthog.client.conftest import Build

THREADS, EACH = 50, 20
PROGRAM = """
import atexit, sys
import httpx  # here, since a busy machine takes long to, and the exit has two seconds
from telemetry_posthog import TelemetryClient, install_excepthook

client = TelemetryClient("phc_a", sys.argv[1])
"""


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no word of it")

    __repr__ = __format__ = __str__  # type: ignore[assignment]


def run(url: str, *lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + "\n".join(lines), url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_captures_of_fifty_threads_arrive_once_each(build: Build, server: PostHogServer) -> None:
    client = build(queue_size=THREADS * EACH + THREADS)
    start = threading.Barrier(THREADS)
    uuids: list[str | None] = []

    def work() -> None:
        start.wait()
        uuids.extend(client.capture("worked", properties={"n": n}) for n in range(EACH))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(20)
    assert sorted(event["uuid"] for event in server.events) == sorted(map(str, uuids))
    assert len(uuids) == THREADS * EACH


def test_what_is_disabled_while_a_thread_captures_takes_nothing_from_then_on(
    client: TelemetryClient, server: PostHogServer
) -> None:
    rounds = threading.Semaphore(0)
    over = threading.Event()
    uuids: list[str | None] = []

    def work() -> None:
        while not over.is_set():
            uuids.append(client.capture("worked"))
            rounds.release()

    thread = threading.Thread(target=work)
    thread.start()
    assert rounds.acquire(timeout=20)
    client.disabled = True
    known = len(uuids) + 1  # one may be on its way
    while len(uuids) < known + 10:
        assert rounds.acquire(timeout=20)
    over.set()
    thread.join()
    report = client.flush(20)
    assert set(uuids[known:]) == {None}
    assert len(server.events) + report.dropped == len([uuid for uuid in uuids if uuid])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_a_way_of_its_own(
    client: TelemetryClient, server: PostHogServer
) -> None:
    client.capture("before")

    def act() -> None:
        client.capture("in the child")
        assert client.flush(20)

    assert ended(forked(act)) == 0
    client.capture("after")
    assert client.flush(20)
    names = sorted(event["event"] for event in server.events)
    assert (names, server.duplicates) == (["after", "before", "in the child"], 0)


def test_what_waits_is_delivered_when_the_program_ends(server: PostHogServer) -> None:
    done = run(server.url, "client.capture('last')")
    assert (done.returncode, done.stderr) == (0, "")
    server.assert_event("last")


def test_what_is_refused_once_at_the_end_has_its_second_try(server: PostHogServer) -> None:
    server.fail(503, times=1)
    done = run(server.url, "client.capture('last')")
    assert (done.returncode, done.stderr) == (0, "")
    server.assert_event("last")


def test_what_is_captured_at_exit_arrives(server: PostHogServer) -> None:
    done = run(server.url, "client.capture('first')", "atexit.register(client.capture, 'at exit')")
    assert (done.returncode, done.stderr) == (0, "")
    server.assert_event("at exit")


def test_what_ends_the_program_arrives_and_is_printed(server: PostHogServer) -> None:
    done = run(server.url, "install_excepthook(client)", "raise ValueError('broken')")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: broken\n")
    server.assert_event("$exception", **{"$exception_level": "fatal"})


def test_a_server_that_never_answers_does_not_hold_up_the_end(server: PostHogServer) -> None:
    server.hang()
    patient = "client = TelemetryClient('phc_a', sys.argv[1], timeout=600.0)"
    done = run(server.url, patient, "client.capture('last')")
    assert (done.returncode, done.stderr) == (0, "")
    server.clear()


def test_what_a_server_does_not_answer_is_there_for_the_next_program(
    server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"POSTHOG_API_KEY": "phc_a", "TELEMETRY_EXIT_TIMEOUT": "0.2"}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("POSTHOG_HOST", str(server.url))
    server.hang()
    begin = (
        "from telemetry_posthog import _flush_telemetry_on_exit, client; client.disabled = False"
    )
    done = run(server.url, begin, "client.capture('last')", "_flush_telemetry_on_exit()")
    assert (done.returncode, done.stderr) == (0, "")
    server.clear()
    done = run(server.url, begin, "client.capture('first'); assert client.flush(20)")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(event["event"] for event in server.events) == ["first", "last"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_flush_in_a_signal_handler_comes_back(
    client: TelemetryClient, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []

    def handler(*_: object) -> None:
        client.capture("in the handler")
        flushed.append(bool(client.flush(20)))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        for number in range(100):
            client.capture("around it", properties={"number": number})
            if number % 10 == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert client.flush(20)
    assert flushed == [True] * 10
    assert len(server.events) == 110


IN_AN_IMPORT = """
class Handler:
    def find_spec(self, name, *_):
        if name == "{}":
            try:
                client.capture("in the middle")
                print(client.disabled)
            except Exception as error:
                print(repr(error))

sys.meta_path.insert(0, Handler())
client.capture("around it")
client.capture("after it")
assert client.flush(20)
"""


@pytest.mark.parametrize(
    "module", ["telemetry_core.recording", "msgspec", "importlib.metadata._meta"]
)
@pytest.mark.parametrize(
    "which",
    ["", "from telemetry_posthog import client; client.disabled = False"],
    ids=["own", "module"],
)
def test_a_capture_in_the_middle_of_anothers_import_silences_nobody(
    which: str, module: str, server: PostHogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal handler makes it, which may come between any two imports of a first capture."""
    monkeypatch.setenv("POSTHOG_API_KEY", "phc_a")
    monkeypatch.setenv("POSTHOG_HOST", str(server.url))
    done = run(server.url, which, IN_AN_IMPORT.format(module))
    assert (done.returncode, done.stdout) == (0, "True\n")
    server.assert_event("around it")
    server.assert_event("after it")


@pytest.mark.parametrize(
    "arguments",
    [
        {"event": None},
        {"event": Unspeakable()},
        {"event": "e", "distinct_id": Unspeakable()},
        {"event": "e", "properties": Unspeakable()},
        {"event": "e", "properties": {"a": Unspeakable()}},
        {"event": "e", "properties": "text", "groups": {"company": "acme"}},
        {"event": "e", "groups": 7},
        {"event": "e", "uuid": Unspeakable()},
        {"event": "e", "uuid": "no uuid"},
        {"event": "e", "timestamp": Unspeakable()},
        {"event": "e", "timestamp": "yesterday"},
        {"event": "e", "context": Unspeakable()},
    ],
)
def test_nothing_that_is_given_reaches_the_program_as_an_exception(
    arguments: dict[str, Any], client: TelemetryClient, server: PostHogServer
) -> None:
    client.capture(**arguments)
    client.capture("fine")
    client.flush(20)
    server.assert_event("fine")


def test_nor_does_what_persons_and_groups_are_given(
    client: TelemetryClient, server: PostHogServer
) -> None:
    bad: Any = Unspeakable()
    client.set(bad, bad)
    client.set_once(bad, {"a": bad})
    client.alias(bad, bad)
    client.group_identify(bad, bad, bad)
    client.capture_exception(bad, bad, bad, groups=bad)
    client.capture("fine")
    client.flush(20)
    server.assert_event("fine")


def test_a_test_that_wants_errors_gets_them(
    build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TELEMETRY_ON_ERROR", "raise")
    client = build()
    with pytest.raises(TypeError):
        client.capture("e", groups=7)  # type: ignore[arg-type]

"""Whatever is wrong with the other end, what was told arrives when it is over, or says why not."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.sink_server import SinkServer
from telemetry_core import load_config
from telemetry_core.cli.flush import deliver_all
from telemetry_core.cli.resume import end_pause
from tests.chaos.halves import case
from tests.chaos.stage import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme

    from tests.chaos.stage import Stage

TOLD = 20
TELLS = f"client = TelemetryClient(); capture(client, range({TOLD}))\n"
UNTIL_DELIVERED = "while not client.flush(5): pass\n"
UNTIL_IT_FAILS = 'while not client.flush(1).sinks["webhook"].error: pass\n'
UNTIL_TOLD_TO_GO_ON = 'print("waits", flush=True); sys.stdin.readline()\n'
SOON: Any = {"TELEMETRY_EXIT_TIMEOUT": "0.2"}


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Return what makes the next programs trust the server's certificate."""

    def trust() -> None:
        authority.cert_pem.write_to_path(tmp_path / "trusted.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))

    return trust


def fault(sentence: str, kind: str, *more: object, whole: bool = False, **how: Any) -> Any:
    """Return the parameters of a case of its own: a fault, how it acts, and more."""
    return case("remote", sentence, kind, how, *more, whole=whole)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("nobody listens until the program has ended", "refused"),
        fault("503 until the program has ended", "fail", whole=True),
        fault("another protocol until the program has ended", "garbage", whole=True),
        fault("resets every connection until the program has ended", "reset", whole=True),
        fault("speaks TLS where it is spoken to plainly", "tls", whole=True),
    ],
)
def test_what_an_outage_keeps_back_is_delivered_by_the_next_process(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    server.misbehave(kind, **how)
    stage.run(TELLS + UNTIL_IT_FAILS, **SOON)
    assert not server.counts()
    server.behave()
    stage.conclude()


@pytest.mark.chaos("SIGKILL, and the next program ends at once", "remote")
def test_a_program_that_ends_at_once_delivers_what_the_one_before_it_left(
    remote: Callable[..., Stage], server: SinkServer
) -> None:
    stage = remote()
    stage.run(TELLS + "os.kill(os.getpid(), signal.SIGKILL)", code=-signal.SIGKILL)
    stage.run(f"client = TelemetryClient(); capture(client, [{TOLD}])")
    assert server.counts() == dict.fromkeys(range(TOLD + 1), 1)
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how", "stored"),
    [
        fault("accepts and never answers", "hang", 0),
        fault("answers when the program has ended", "slow", TOLD, seconds=60, whole=True),
    ],
)
def test_a_program_ends_while_its_remote_still_thinks_about_the_answer(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any], stored: int
) -> None:
    stage = remote()
    server.misbehave(kind, **how)
    program = stage.start(TELLS + UNTIL_TOLD_TO_GO_ON, **SOON)
    until(server.requests, "it was asked")
    stage.finish(program)
    assert len(server.counts()) == stored
    server.behave()
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("nobody listens for a while", "refused", whole=True),
        fault("accepts and never answers for a while", "hang", whole=True),
        fault("503 for a while", "fail"),
        fault("502 for a while", "fail", status=502, whole=True),
        fault("another protocol for a while", "garbage", whole=True),
        fault("speaks TLS for a while where it is spoken to plainly", "tls", whole=True),
    ],
)
def test_a_program_that_outlives_an_outage_delivers_by_itself(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    server.misbehave(kind, **how)
    source = TELLS + "client.flush(1)\n" + UNTIL_TOLD_TO_GO_ON + UNTIL_DELIVERED
    program = stage.start(source)
    assert program.stdout is not None
    assert program.stdout.readline() == "waits\n"
    assert not server.counts()
    server.behave()
    stage.finish(program)
    assert len(server.counts()) == TOLD
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("503 twice", "fail", times=2, whole=True),
        fault("resets two connections in the middle of the body", "reset", times=2, whole=True),
        fault("says its answer byte by byte", "byte_by_byte", whole=True),
        fault("answers after a second", "slow", whole=True),
        fault("says 200 with a body that cannot be read", "unreadable", whole=True),
        fault("ends each connection that it promised to keep", "closed_idle", whole=True),
    ],
)
def test_a_fault_that_stores_nothing_by_mistake_makes_nothing_arrive_twice(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    server.misbehave(kind, **how)
    stage.run(TELLS + UNTIL_DELIVERED + f"capture(client, range({TOLD}, 40))\n" + UNTIL_DELIVERED)
    assert server.counts() == dict.fromkeys(range(40), 1)
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("stores, and its answer is lost", "lost_answer", times=1),
        fault("stores, and its answer is cut short", "truncated", times=1, whole=True),
    ],
)
def test_what_was_stored_without_a_word_is_sent_again(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    server.misbehave(kind, **how)
    stage.run(TELLS + UNTIL_DELIVERED)
    assert server.counts() == dict.fromkeys(range(TOLD), 2)
    stage.conclude()


@pytest.mark.chaos("hangs beside a sink that is well", "remote")
def test_a_remote_that_hangs_holds_up_neither_the_end_nor_the_sink_beside_it(
    remote: Callable[..., Stage], server: SinkServer
) -> None:
    stage = remote("sqlite")
    server.misbehave("hang")
    program = stage.start(TELLS + UNTIL_TOLD_TO_GO_ON, **SOON)
    until(server.requests, "it was asked")
    until(lambda: stage.rows("SELECT count(*) FROM run_events") == [(TOLD,)], "it was delivered")
    stage.finish(program)
    assert not server.counts()
    server.behave()
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("429 with Retry-After in seconds", "rate_limit"),
        fault("429 with Retry-After as a date", "rate_limit", as_date=True),
    ],
)
def test_nothing_is_asked_before_the_time_that_a_429_names(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    server.misbehave(kind, **how)  # an early request would hear 429 once more
    program = stage.start(TELLS + UNTIL_TOLD_TO_GO_ON)
    until(lambda: len(server.counts()) == TOLD, "all of it was delivered")
    stage.finish(program)
    assert server.requests() == {"/": 2}
    stage.conclude()


@pytest.mark.chaos("429 that the next process knows of", "remote")
@pytest.mark.whole
def test_the_time_that_a_429_names_is_kept_by_the_next_process(
    remote: Callable[..., Stage], server: SinkServer
) -> None:
    stage = remote()
    server.misbehave("rate_limit", seconds=4)
    stage.run(TELLS + UNTIL_IT_FAILS, **SOON)
    until(lambda: delivers(stage), "the time was over")
    assert server.requests() == {"/": 2}
    stage.conclude()


@pytest.mark.chaos("413 for more than so many bytes", "remote")
def test_what_is_too_large_together_is_halved_and_what_is_too_large_alone_says_so(
    remote: Callable[..., Stage], server: SinkServer
) -> None:
    stage = remote()
    server.misbehave("too_large", above=5_000)
    stage.run(TELLS + f"capture(client, [{TOLD}], size=6_000)")
    stage.conclude()
    assert server.counts() == dict.fromkeys(range(TOLD), 1)
    assert stage.account("webhook").buried == {TOLD: "http_413"}


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault(f"{status} to another host", "redirect", status=status, whole=status != 307)
        for status in (301, 302, 303, 307, 308)
    ],
)
def test_a_redirect_is_followed_by_nothing_that_was_told(
    remote: Callable[..., Stage], server: SinkServer, kind: str, how: dict[str, Any]
) -> None:
    stage = remote()
    with SinkServer() as another:
        server.misbehave(kind, to=another.url, **how)
        stage.run(TELLS)
        assert not another.requests()
    assert server.requests() == {"/": 1}
    server.behave()
    resume(stage)
    stage.conclude()


@pytest.mark.chaos("a certificate that nobody has signed", "remote")
def test_nothing_is_sent_under_a_certificate_that_is_not_trusted(
    remote: Callable[..., Stage], server: SinkServer, trusted: Callable[[], None]
) -> None:
    stage = remote(scheme="https")
    server.misbehave("tls")
    stage.run(TELLS)
    assert not server.requests()
    trusted()
    stage.conclude()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        fault("a TLS handshake that hangs", "hang", whole=True),
        fault("speaks plainly where it is spoken to in TLS", "fail", whole=True),
    ],
)
def test_a_handshake_that_does_not_end_keeps_nobody(
    remote: Callable[..., Stage],
    server: SinkServer,
    trusted: Callable[[], None],
    kind: str,
    how: dict[str, Any],
) -> None:
    stage = remote(scheme="https")
    server.misbehave(kind, **how)
    stage.run(TELLS, **SOON)
    server.misbehave("tls")
    trusted()
    stage.conclude()


def resume(stage: Stage) -> None:
    """Have the paused sink tried again, as `telemetry resume webhook` does."""
    assert end_pause(load_config(environ=stage.environ()), "webhook")["resumed"]


def delivers(stage: Stage) -> bool:
    """Say whether `telemetry flush` delivers all now."""
    return bool(deliver_all(load_config(environ=stage.environ()), PATIENCE, quiet=True)["ok"])

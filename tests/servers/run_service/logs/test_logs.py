"""One line a request, that no value can forge, and nothing twice."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.logs import log as logs
from telemetry_run_service.logs.lines import OTHERS, written
from telemetry_run_service.logs.request_log import SERVICE, RequestLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOSTILE = 'x\n{"level": "FORGED"}\r\x1b[2J\u202e\u2028\ud800'


class Log(io.StringIO):
    """What was written, line by line."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().split("\n")[:-1]]


@pytest.fixture
def log() -> Iterator[Log]:
    """Return what is logged as JSON from INFO on."""
    stream = Log()
    with written("INFO", "json", stream):
        yield stream


async def fine(scope: Any, receive: Any, send: Any) -> None:
    """Answer 200."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b""})


def asked(
    app: Any, path: str = "/api/v1/runs", *headers: tuple[bytes, bytes], times: int = 1, **said: Any
) -> list[dict[str, Any]]:
    """Ask an application that is logged, and return what it sent the last time."""
    logged = RequestLog(app, **said)
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"token=secret",
        "headers": [*headers],
        "client": ("10.0.0.1", 1),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    for _ in range(times):
        sent.clear()
        asyncio.run(logged(scope, receive, send))
    return sent


def headers_of(sent: list[dict[str, Any]]) -> dict[bytes, bytes]:
    """Return the headers of an answer."""
    return dict(sent[0]["headers"])


def test_a_request_is_one_line(log: Log) -> None:
    asked(fine)
    (line,) = log.lines
    assert line["message"] == "GET /api/v1/runs 200"
    assert (line["level"], line["logger"]) == ("INFO", "telemetry_run_service")
    assert (line["status"], line["client"], line["method"]) == (200, "10.0.0.1", "GET")
    assert line["duration_ms"] >= 0
    assert "secret" not in log.getvalue()


def test_what_its_route_tells_becomes_a_part_of_its_line(log: Log) -> None:
    async def route(scope: Any, receive: Any, send: Any) -> None:
        with logs.track_duration() as duration:
            await fine(scope, receive, send)
        logs.log_query({"status": "failure", "limit": 20}, 7, duration())
        logs.log_update("id-1", ["status"], 1.234, success=True)

    asked(route)
    (line,) = log.lines
    assert (line["rows"], line["is_slow"]) == (7, False)
    assert line["query_params"] == {"status": "failure", "limit": 20}
    assert (line["event_id"], line["fields_updated"], line["update_ms"]) == (
        "id-1",
        ["status"],
        1.23,
    )


def test_elsewhere_it_is_a_line_of_its_own(log: Log) -> None:
    logs.log_query({}, 3, 1500.0)
    logs.log_update("id-1", [], 0.1, success=False)
    logs.log_error("/metrics", "OSError", "e" * 900, attempt=2)
    query, update, error = log.lines
    assert (query["message"], query["rows"], query["is_slow"]) == ("Query executed", 3, True)
    assert (update["message"], update["success"]) == ("Update failed", False)
    assert (error["level"], error["error_type"], error["attempt"]) == ("ERROR", "OSError", 2)
    assert len(error["error_message"]) == logs.LONGEST_TEXT


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_value_begins_a_line_or_steers_a_terminal(style: str) -> None:
    stream = io.StringIO()
    with written("INFO", style, stream):
        asked(fine, HOSTILE)
        logs.log_query({"agent_name": HOSTILE}, 0, 0.0)
        logs.log_error(HOSTILE, HOSTILE, HOSTILE, more=HOSTILE, **{HOSTILE: HOSTILE})
    text = stream.getvalue()
    assert text.count("\n") == 3
    assert text.isascii()
    assert set(text) - {"\n"} <= set(map(chr, range(32, 127)))


def test_an_id_that_came_with_the_request_goes_back_with_the_answer(log: Log) -> None:
    sent = asked(fine, "/", (b"x-request-id", b"trace-7/a"))
    assert headers_of(sent)[b"x-request-id"] == b"trace-7/a"
    assert log.lines[0]["request_id"] == "trace-7/a"


@pytest.mark.parametrize("given", [b"", b"a b", b"\xff", b"a\nb", b"x" * 129])
def test_an_id_that_cannot_stand_in_a_header_is_replaced(given: bytes, log: Log) -> None:
    sent = asked(fine, "/", (b"x-request-id", given))
    assert headers_of(sent)[b"x-request-id"] not in {given, b""}


def test_requests_without_an_id_get_different_ones(log: Log) -> None:
    asked(fine, times=3)
    assert len({line["request_id"] for line in log.lines}) == 3


def test_every_answer_says_which_service_it_is_and_keeps_its_headers(log: Log) -> None:
    headers = headers_of(asked(fine))
    assert headers[b"x-telemetry-service"] == SERVICE.encode()
    assert headers[b"a"] == b"b"


async def broken(scope: Any, receive: Any, send: Any) -> None:
    """Break before there is an answer."""
    raise RuntimeError("no such column: secret")


async def half_broken(scope: Any, receive: Any, send: Any) -> None:
    """Break when the answer has begun."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("too late")


def test_what_broke_is_answered_as_json_and_its_traceback_is_in_its_line(log: Log) -> None:
    sent = asked(broken)
    assert sent[0]["status"] == 500
    assert sent[1]["body"] == b'{"detail":"Internal Server Error"}'
    (line,) = log.lines
    assert (line["level"], line["status"]) == ("ERROR", 500)
    assert "no such column" in line["traceback"]


def test_an_answer_that_broke_in_the_middle_is_not_finished(log: Log) -> None:
    assert len(asked(half_broken)) == 1
    assert "too late" in log.lines[0]["traceback"]


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Answer nothing: the client has gone."""


def test_who_left_is_said_to_have_left(log: Log) -> None:
    asked(silent)
    assert log.lines[0]["status"] == 499


@pytest.mark.parametrize(("share", "written"), [(1.0, 8), (0.25, 2), (0.0, 0)])
def test_a_share_of_the_requests_is_written(share: float, written: int, log: Log) -> None:
    asked(fine, times=8, share=share)
    assert len(log.lines) == written


def test_those_that_failed_are_written_whatever_the_share(log: Log) -> None:
    asked(broken, times=3, share=0.0)
    assert len(log.lines) == 3


def test_a_higher_level_writes_errors_only() -> None:
    stream = Log()
    with written("ERROR", "json", stream):
        asked(fine)
        asked(broken)
    assert [line["status"] for line in stream.lines] == [500]


@pytest.mark.parametrize("name", ["telemetry_core.sqlite", "uvicorn.error", "asyncio"])
def test_warnings_of_others_are_lines_once(name: str, log: Log) -> None:
    logging.getLogger(name).info("nothing of interest")
    logging.getLogger(name).warning("look: %s", "a\nb")
    (line,) = log.lines
    assert (line["logger"], line["level"]) == (name, "WARNING")


def test_afterwards_the_loggers_are_as_before() -> None:
    before = [(each.handlers, each.level, each.propagate) for each in _loggers()]
    with written("DEBUG", "json", io.StringIO()):
        pass
    assert [(each.handlers, each.level, each.propagate) for each in _loggers()] == before


def _loggers() -> list[logging.Logger]:
    return [logs.LOGGER, *map(logging.getLogger, OTHERS)]


class Full(io.StringIO):
    """A disk that takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_keeps_nobody_from_an_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with written("INFO", "json", Full()):
        assert asked(fine)[0]["status"] == 200
    assert capsys.readouterr().err == ""


def test_a_log_that_nobody_reads_holds_up_no_request_and_says_how_much_was_lost() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w") as pipe, written("INFO", "json", pipe):
        asked(fine, "/" + "x" * 400, times=1000)
        read = os.read(ours, 1 << 20)
        asked(fine, times=1)
        read += os.read(ours, 1 << 20)
    os.close(ours)
    lines = [json.loads(line) for line in read.splitlines()]
    lost = int(lines[-2]["message"].split(" lines of the log were lost")[0])
    assert lost + len(lines) - 2 == 1000
    assert 0 < lost < 1000


@pytest.fixture
def tell() -> Callable[..., None]:
    """Return what logs with facts of its own."""
    return lambda **facts: logs.LOGGER.info("told", extra={"facts": facts})


def test_a_fact_takes_no_others_place(tell: Callable[..., None], log: Log) -> None:
    tell(level="FORGED", message="FORGED", timestamp="FORGED", rows={1, 2})
    (line,) = log.lines
    assert "FORGED" not in json.dumps(line)

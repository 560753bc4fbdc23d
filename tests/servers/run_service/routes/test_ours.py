"""Records of our sink are stored one for one, and whoever listens hears of each run that changes."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.storage import watching

from telemetry_core import Kind, Lane, Record, RunRecord, encode_record
from tests.servers.run_service.asking import RUNS, START, Asked, locked, run

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = "/api/v1/records"


def _event(name: str = "event", **body: Any) -> dict[str, Any]:
    body = {"event_type": "page", "run_id": "run-e1", **body}
    return {"kind": "event", "id": name, "seq": 1, "time": 10**18, "body": body}


def _start(name: str = "e1", **fields: Any) -> dict[str, Any]:
    told = RunRecord(f"run-{name}", "crawler", "nightly", start_time=START, event_id=name, **fields)
    kind = Kind.END_RUN if told.ended else Kind.START_RUN
    record = Record(f"{name}-{kind}", kind, 1, 10**18, Lane.CRITICAL, told)
    line: dict[str, Any] = json.loads(encode_record(record))
    return line


def _tell(service: Asked, *records: Any) -> Any:
    answer = service.post(RECORDS, json={"records": records})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("body", [{}, [], 1, {"records": 1}, {"records": {}}, "text"], ids=str)
def test_what_is_no_envelope_is_422(service: Asked, body: Any) -> None:
    answer = service.post(RECORDS, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_what_is_no_record_is_rejected_and_the_others_are_stored(service: Asked) -> None:
    told = _tell(service, _event("a"), 7, {"id": "x"}, {**_event("b"), "time": "now"}, _event("c"))
    assert told["accepted"] == 2
    rejected = [(one["index"], one["id"], one["code"]) for one in told["rejected"]]
    assert rejected == [
        (1, None, "invalid_record"),
        (2, "x", "invalid_record"),
        (3, "b", "invalid_record"),
    ]


def test_what_no_row_can_hold_is_rejected_alone(service: Asked) -> None:
    odd = _start("odd")
    odd["body"]["items_failed"] = 2**63
    told = _tell(service, _event(), odd, _start())
    assert (told["accepted"], [one["index"] for one in told["rejected"]]) == (2, [1])
    assert service.get(RUNS).json()[0]["event_id"] == "e1"


def test_records_that_are_known_are_accepted_once_more(service: Asked) -> None:
    for _ in range(2):
        told = _tell(service, _start(), _event(), _start(status="success", end_time=START))
        assert told == {"accepted": 3, "rejected": []}
    assert service.stored()["status"] == "success"
    assert len(service.get(f"{RUNS}/e1/events").json()) == 1


def test_an_empty_envelope_is_accepted(service: Asked) -> None:
    assert _tell(service) == {"accepted": 0, "rejected": []}


def test_more_records_than_may_come_at_once_are_413(tmp_path: Path) -> None:
    with Asked(tmp_path / "runs.sqlite", max_batch=1) as service:
        answer = service.post(RECORDS, json={"records": [_event("a"), _event("b")]})
        assert answer.status_code == 413


def test_records_may_come_packed(service: Asked) -> None:
    body = gzip.compress(json.dumps({"records": [_event(), _start()]}).encode(), 1)
    answer = service.post(RECORDS, content=body, headers={"Content-Encoding": "gzip"})
    assert answer.json() == {"accepted": 2, "rejected": []}


class _Heard:
    """Who listens to a stream: what was sent to it so far."""

    def __init__(self, service: Asked, query: str = "", **headers: str) -> None:
        self._service = service
        self._leave = asyncio.Event()
        self.sent: list[Any] = []
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/stream",
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self._task: asyncio.Task[None] = service.wait(self._begin())

    async def _begin(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._service.app(self._scope, self._receive, self._send))

    async def _receive(self) -> Any:
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def messages(self, number: int) -> list[dict[str, str]]:
        """Wait for so many messages, and return them."""
        self._service.wait(self._until(lambda: len(self._parts()) >= number))
        return [dict(line.split(": ", 1) for line in part.splitlines()) for part in self._parts()]

    def begun(self) -> None:
        """Wait until the answer begins: from then on all is heard."""
        self._service.wait(self._until(lambda: bool(self.sent)))

    def leave(self) -> None:
        """Go, and wait until that was noticed."""
        self._service.wait(self._left())

    def ended(self) -> bool:
        """Wait until the stream ends, and say whether it ended as it should."""
        self._service.wait(self._ended())
        return bool(self.sent[-1] == {"type": "http.response.body", "body": b""})

    async def _ended(self) -> None:
        await self._task

    async def _left(self) -> None:
        self._leave.set()
        await self._task

    async def _until(self, done: Any) -> None:
        async with asyncio.timeout(30):
            while not done():  # noqa: ASYNC110 - what is awaited is another task's list
                await asyncio.sleep(0.005)

    def _parts(self) -> list[str]:
        text = b"".join(message.get("body", b"") for message in self.sent).decode()
        return [part for part in text.split("\n\n") if part]


def test_who_listens_hears_of_new_runs_and_of_their_changes(service: Asked) -> None:
    heard = _Heard(service)
    heard.begun()
    service.post(RUNS, json=run())
    heard.messages(1)
    service.patch(f"{RUNS}/e1", json={"status": "success"})
    messages = heard.messages(2)
    assert [message["event"] for message in messages] == ["run", "run"]
    assert [json.loads(message["data"])["status"] for message in messages] == ["running", "success"]
    assert json.loads(messages[1]["data"]) == service.stored()
    assert heard.sent[0]["status"] == 200
    heard.leave()


def test_only_what_is_asked_for_is_heard(service: Asked) -> None:
    heard = _Heard(service, "agent_name=mine&status=failed")
    heard.begun()
    rows = [run("a"), run("b", agent_name="mine"), run("c", agent_name="mine", status="failed")]
    service.post(f"{RUNS}/batch", json=rows)
    (message,) = heard.messages(1)
    assert json.loads(message["data"])["event_id"] == "c"
    heard.leave()


def test_who_comes_back_is_told_what_was_missed(service: Asked) -> None:
    first, other = _Heard(service), _Heard(service)
    first.begun()
    service.post(RUNS, json=run("a"))
    (message,) = first.messages(1)
    first.leave()
    service.post(RUNS, json=run("b"))
    other.messages(2)
    again = _Heard(service, last_event_id=message["id"])
    assert json.loads(again.messages(1)[0]["data"])["event_id"] == "b"
    unknown = _Heard(service, last_event_id="another-7")
    unknown.begun()
    for heard in (other, again, unknown):
        heard.leave()
    assert [message.get("body", b"") for message in unknown.sent] == [b"", b""]


def test_a_wrong_filter_is_400_and_no_stream(service: Asked) -> None:
    assert service.get("/api/v1/stream", params={"status": "odd"}).status_code == 400


def test_only_so_many_may_listen(service: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_LISTENERS", 1)
    heard = _Heard(service)
    heard.begun()
    answer = service.get("/api/v1/stream")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Failed to open stream: ")
    heard.leave()
    again = _Heard(service)
    again.begun()
    again.leave()


def test_a_stream_ends_when_the_service_begins_to_stop(service: Asked) -> None:
    heard = _Heard(service)
    heard.begun()

    async def stop() -> None:
        service.app.state.stopping.set()

    service.wait(stop())
    assert heard.ended()
    assert service.get("/api/v1/stream").status_code == 503
    assert service.get(RUNS).status_code == 200


def test_a_stream_outlives_a_locked_database(hurried: Asked) -> None:
    heard = _Heard(hurried)
    heard.begun()
    with locked(hurried.database):
        assert hurried.post(RUNS, json=run()).status_code == 503
    hurried.post(RUNS, json=run())
    assert json.loads(heard.messages(1)[0]["data"])["event_id"] == "e1"
    heard.leave()

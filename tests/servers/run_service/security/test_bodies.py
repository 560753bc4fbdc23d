"""Bodies are bounded, as they come and once inflated, and the connection lives on."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_run_service.security.bodies import BodyLimit, TooLargeError, inflate

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 1000
Messages = list[dict[str, Any]]


class Spoken:
    """One request to the middleware: what the route saw, what was answered, what was read."""

    def __init__(self, parts: Iterable[bytes], headers: dict[str, str], *, leaves: bool) -> None:
        self.seen: bytes | None = None
        self.headers: dict[bytes, bytes] = {}
        self.sent: Messages = []
        parts = [*parts]
        more = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if more and not leaves:
            more[-1]["more_body"] = False
        self.waiting: Messages = [*more, {"type": "http.disconnect"}]
        scope = {
            "type": "http",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        asyncio.run(BodyLimit(self._route, MOST)(scope, self._receive, self._send))

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def answer_headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def detail(self) -> str:
        return str(json.loads(self.sent[1]["body"])["detail"])

    @property
    def drained(self) -> bool:
        return len(self.waiting) == 1

    async def _receive(self) -> dict[str, Any]:
        return self.waiting.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def _route(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers = dict(scope["headers"])
        self.seen = b""
        while (message := await receive())["type"] == "http.request":
            self.seen += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def spoken(*parts: bytes, leaves: Any = False, **headers: str) -> Spoken:
    """Speak one request, its headers named with underscores; chunked without a length."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if "content-length" not in named:
        named["transfer-encoding"] = "chunked"
    return Spoken(parts, named, leaves=leaves)


def sized(body: bytes, **headers: str) -> Spoken:
    """Speak one request with the length of its body."""
    return spoken(body, content_length=str(len(body)), **headers)


@pytest.mark.parametrize("size", [0, 1, MOST])
def test_a_body_within_the_limit_is_passed_on(size: int) -> None:
    body = b"x" * size
    assert sized(body).seen == body
    assert spoken(body[: size // 2], body[size // 2 :]).seen == body


def test_a_length_beyond_the_limit_is_413_and_the_body_is_read() -> None:
    answer = sized(b"x" * (MOST + 1))
    assert (answer.status, answer.seen, answer.drained) == (413, None, True)
    assert answer.detail == "Request body too large. Max 1000 bytes."
    assert b"connection" not in answer.answer_headers


@pytest.mark.parametrize("parts", [[b"x" * 600] * 2, [b"x" * 600] * 9, [b"x" * 2000]])
def test_chunks_beyond_the_limit_are_413_and_are_read(parts: list[bytes]) -> None:
    answer = spoken(*parts)
    assert (answer.status, answer.seen, answer.drained) == (413, None, True)
    assert b"connection" not in answer.answer_headers


@pytest.mark.parametrize(
    "headers",
    [{"content_length": str(10**12)}, {"content_length": "2000", "expect": "100-continue"}],
)
def test_what_is_too_much_to_read_ends_the_connection(headers: dict[str, str]) -> None:
    answer = spoken(b"x", **headers)
    assert (answer.status, answer.drained) == (413, False)
    assert answer.answer_headers[b"connection"] == b"close"


def test_gzip_is_inflated_before_the_route_sees_it() -> None:
    answer = sized(gzip.compress(b"x" * MOST), content_encoding="GZIP", content_type="a/b")
    assert answer.seen == b"x" * MOST
    assert answer.headers == {b"content-type": b"a/b", b"content-length": b"1000"}


def test_gzip_in_chunks_is_inflated() -> None:
    packed = gzip.compress(b"some rows")
    assert spoken(packed[:7], packed[7:], content_encoding="gzip").seen == b"some rows"


def test_what_grows_beyond_the_limit_is_413() -> None:
    answer = sized(gzip.compress(b"x" * (MOST + 1)), content_encoding="gzip")
    assert (answer.status, answer.seen) == (413, None)
    assert b"connection" not in answer.answer_headers


def test_a_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(TooLargeError):
        inflate(bomb, MOST)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain",
        gzip.compress(b"rows")[:-4],
        gzip.compress(b"rows") + b"more",
        zlib.compress(b"x"),
    ],
    ids=["nothing", "no gzip", "torn", "with a tail", "zlib"],
)
def test_damaged_gzip_is_400(body: bytes) -> None:
    answer = sized(body, content_encoding="gzip")
    assert (answer.status, answer.seen) == (400, None)
    assert "damaged gzip" in answer.detail


def test_several_members_are_one_body() -> None:
    parts = [gzip.compress(b"one "), gzip.compress(b"two"), b"\0\0"]
    assert inflate(b"".join(parts), MOST) == b"one two"


def test_a_crowd_of_members_is_refused() -> None:
    with pytest.raises(zlib.error):
        inflate(gzip.compress(b"") * 200, MOST)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip"])
def test_another_coding_is_415(coding: str) -> None:
    answer = sized(b"x", content_encoding=coding)
    assert (answer.status, answer.seen, answer.drained) == (415, None, True)


def test_who_leaves_in_the_middle_gets_no_answer() -> None:
    answer = spoken(b"x", leaves=True)
    assert (answer.status, answer.seen) == (None, None)

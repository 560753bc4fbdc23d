"""What each SDK must hear to believe that its events were stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

JSON = "application/json"
PROTOBUF = "application/x-protobuf"

# By how a path begins; the first that fits. What is not here hears an empty 200.
_ANSWERS: tuple[tuple[str, str, bytes], ...] = (
    ("/v1/info", JSON, b'{"project_name":"bench","project_url":"http://127.0.0.1/bench"}'),
    ("/v1/batch", JSON, b'{"success":true}'),
    ("/v1/logs", PROTOBUF, b""),
    ("/v1/traces", PROTOBUF, b""),
    ("/v1/metrics", PROTOBUF, b""),
    ("/batch", JSON, b'{"status":1}'),
    ("/api/", JSON, json.dumps({"id": "0" * 32}).encode()),
    ("/com.snowplowanalytics.snowplow/", "text/plain", b"ok"),
)


@dataclass(frozen=True)
class Request:
    """One request, read to its end."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What the server does with one request.

    :ivar stored: whether the marks of the body count as stored.
    :ivar after: seconds to wait before answering.
    :ivar then_close: whether the connection is closed after the answer.
    :ivar raw: sent in place of a status line, headers and body; `b""` with `then_close` is an
        answer that was lost.
    :ivar pause: seconds between one byte of the answer and the next.
    :ivar says_so: whether the answer says that the connection ends with it.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    stored: bool = True
    after: float = 0.0
    then_close: bool = False
    raw: bytes | None = None
    pause: float = 0.0
    says_so: bool = True


def usual(path: str) -> Reply:
    """Return the answer of a healthy server."""
    for beginning, kind, body in _ANSWERS:
        if path.startswith(beginning):
            return Reply(headers={"Content-Type": kind}, body=body)
    return Reply()

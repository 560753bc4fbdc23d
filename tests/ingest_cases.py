"""Replays what an ingestion server must answer: the cases in tests/golden/ingest, as its README says."""

from __future__ import annotations

import gzip
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import define, field

from tests.wire_cases import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

FOLDER = Path(__file__).parent / "golden" / "ingest"
GONE = "$gone"


@define(frozen=True)
class Case:
    """Requests, one after the other, and what each must be answered.

    :ivar server: how the server is set, where not as by default.
    """

    file: str
    name: str
    steps: tuple[dict[str, Any], ...] = field(converter=tuple, repr=False)
    server: Mapping[str, Any] = field(factory=dict)

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


@define(frozen=True)
class Who:
    """The credentials that a server knows, and those of another application that it knows, too."""

    org: str
    app: str
    token: str
    secret: str = field(repr=False)
    other: Who | None = None


def _cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text("utf-8"))["cases"]:
            name, server = case.pop("name"), case.pop("server", {})
            yield Case(path.stem, name, case.get("steps", [case]), server)


CASES = tuple(_cases())


def strange_answer(case: Case, client: httpx.Client, url: str, who: Who, now: float) -> list[str]:
    """Send the requests of a case; return what is strange about the first answer that is another."""
    nonces: list[str] = []
    for number, step in enumerate(case.steps, 1):
        nonce = nonces[0] if step.get("replays") else step.get("nonce", str(uuid4()))
        nonces.append(nonce)
        answer = _sent(step, client, url, who, now, nonce)
        wrong = list(differences(answer, step["answer"]))
        if wrong:
            return [
                f"{case}, step {number}",
                *wrong,
                f"answered: {answer.status_code}",
                answer.text,
            ]
    return []


def _sent(
    step: Mapping[str, Any], client: httpx.Client, url: str, who: Who, now: float, nonce: str
) -> httpx.Response:
    body = _body(step)
    by = who.other if step.get("by") == "other" else who
    assert by is not None
    stamp = step.get("timestamp", str(int(now) + step.get("ahead", 0)))
    headers = {
        **signed(by.token, by.secret, body, stamp, nonce, legacy="legacy" in step),
        **({"content-encoding": "gzip"} if "gzip" in step else {}),
        **step.get("headers", {}),
    }
    method, _, path = step.get("do", "POST /v1/ingest/$org/$app").partition(" ")
    target = _target(path, who)
    told = {name: text.encode() for name, text in headers.items() if text != GONE}
    return client.request(method, f"{url}{target}", content=body, headers=told)


def signed(
    token: str, secret: str, body: bytes, stamp: str, nonce: str, *, legacy: bool = False
) -> dict[str, str]:
    """Return the headers of a request that is signed.

    :param legacy: the nonce is not signed.
    """
    text = f"{stamp}:" if legacy else f"{stamp}:{nonce}:"
    return {
        "authorization": f"Bearer {token}",
        "x-timestamp": stamp,
        "x-nonce": nonce,
        "x-signature": hmac.new(secret.encode(), text.encode() + body, "sha256").hexdigest(),
    }


def _target(path: str, who: Who) -> str:
    other = who.other or who
    names = {"$org": who.org, "$app": who.app, "$other_org": other.org, "$other_app": other.app}
    return "/".join(names.get(part, part) for part in path.split("/"))


def _body(step: Mapping[str, Any]) -> bytes:
    """Return the bytes that a step sends: those that it states, or good events with its changes."""
    if "hex" in step:
        body = bytes.fromhex(step["hex"])
    elif "text" in step:
        body = _lengthened(step["text"]).encode()
    else:
        body = json.dumps({"events": _events(step)}).encode()
    body = gzip.compress(body, mtime=0) if step.get("gzip") else body
    return body[: len(body) - step.get("cut", 0)]


def _events(step: Mapping[str, Any]) -> list[Any]:
    changes = step.get("events", [{}])
    changes = [{}] * changes if isinstance(changes, int) else changes
    return [
        changed(number, one) if isinstance(one, dict) else one
        for number, one in enumerate(changes, 1)
    ]


def changed(number: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a good event with what is stated under a path in place of what is there."""
    event = good_event(number)
    for path, value in changes.items():
        inner: Any = event
        *way, last = path.split(".")
        for name in way:
            inner = inner[name]
        inner[last] = _lengthened(value)
        if value == GONE:
            del inner[last]
    return event


def good_event(number: int = 1, **data: Any) -> dict[str, Any]:
    """Return an event with all that it needs."""
    return {
        "schema_version": "1.0.0",
        "event_id": f"00000000-0000-7000-8000-{number:012x}",
        "timestamp": "2026-01-01T12:00:00.123456789Z",
        "service": {"name": "crawler", "version": "1.0.0", "language": "python"},
        "user_id": "client_ada",
        "environment": {"os": "linux"},
        "event": {"type": "page_fetched", "data": data},
        "metadata": {
            "sdk_version": "by-hand/1.0.0",
            "transmission_timestamp": "2026-01-01T12:00:00Z",
            "batch_size": 1,
            "retry_count": 0,
        },
    }


def _lengthened(value: Any) -> Any:
    """Return `$long 9` as nine letters, and `$deep 9` in a text as nine lists around nothing."""
    if not isinstance(value, str):
        return value
    if value.startswith("$long "):
        return "x" * int(value.removeprefix("$long "))
    before, mark, after = value.partition("$deep ")
    depth, _, rest = after.partition(" ")
    return f"{before}{'[' * int(depth)}{']' * int(depth)}{rest}" if mark else value

"""Replays what the run service must answer: the cases in tests/golden/run_service, as its README says."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

Who: TypeAlias = Literal["ours", "reference"]

FOLDER = Path(__file__).parent / "golden" / "run_service"
KINDS = {
    "$start": "start_run",
    "$update": "update_run",
    "$end": "end_run",
    "$event": "event",
}
IN_A_RECORD = {"trigger_type": "cli", "schema_version": 7, "status": "running"}
NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


@define(frozen=True)
class Case:
    """A request or several, one after the other, and what each must be answered.

    :ivar service: how the service is set, where not as by default.
    :ivar fresh: the database must be empty before it.
    :ivar only: the one service of which it speaks; both without.
    """

    file: str
    name: str
    steps: tuple[dict[str, Any], ...] = field(converter=tuple, repr=False)
    service: Mapping[str, Any] = field(factory=dict)
    fresh: bool = False
    only: Who | None = None

    @property
    def alone(self) -> bool:
        """Whether it wants a service for itself."""
        return self.fresh or bool(self.service)

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def _cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text("utf-8"))["cases"]:
            yield Case(path.stem, **case)


CASES = tuple(_cases())


def cases_of(who: Who) -> list[Case]:
    """Return the cases that speak of this service."""
    return [case for case in CASES if case.only in {None, who}]


def strange_answer(case: Case, client: httpx.Client, who: Who = "ours") -> list[str]:
    """Send the requests of a case; return what is strange about the first answer that is another."""
    answer: httpx.Response | None = None
    for number, step in enumerate(case.steps, 1):
        answer = _sent(step, client, answer)
        wanted = step.get("answer", {"status": list(range(200, 300))})
        wrong = list(differences(answer, step.get(who, wanted)))
        if wrong:
            shown = f"answered: {answer.status_code} {dict(answer.headers)}"
            return [f"{case}, step {number}, {step['do']}", *wrong, shown, answer.text[:2000]]
    return []


# -- the request


def _sent(
    step: Mapping[str, Any], client: httpx.Client, before: httpx.Response | None
) -> httpx.Response:
    method, _, target = step["do"].partition(" ")
    headers: dict[str, str] = {**step.get("headers", {})}
    if "token" in step:
        headers["authorization"] = f"Bearer {step['token']}"
    content: bytes | None = step["text"].encode() if "text" in step else None
    if "json" in step:
        headers.setdefault("content-type", "application/json")
        content = json.dumps(_written_out(step["json"])).encode()
    if step.get("gzip"):
        headers["content-encoding"] = "gzip"
        content = gzip.compress(content or b"", 1)
    url = client.base_url.copy_with(raw_path=_target(target, before).encode("ascii"))
    return client.request(method, url, content=content, headers=headers, follow_redirects=False)


def _target(target: str, before: httpx.Response | None) -> str:
    if target != "$next":
        return target
    assert before is not None
    found = NEXT.search(before.headers.get("link", ""))
    assert found, f"the answer before has no link to a next page: {dict(before.headers)}"
    parts = urlsplit(found[1])
    return f"{parts.path}?{parts.query}"


def _written_out(value: Any) -> Any:
    """Return a body with what the cases write shortly written out."""
    if isinstance(value, list):
        return [_written_out(one) for one in value]
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, dict):
        return value
    value = {name: _written_out(one) for name, one in value.items()}
    if "$run" in value:
        return _run(value.pop("$run")) | value
    for mark in KINDS.keys() & value.keys():
        return _record(mark, value)
    return value


def _text(text: str) -> str:
    word, _, rest = text.partition(" ")
    if word == "$ago":
        return (datetime.now(UTC) - timedelta(seconds=float(rest))).isoformat()
    return "x" * int(rest) if word == "$long" else text


def _run(event_id: str) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "run_id": f"run-{event_id}",
        "agent_name": f"agent-{event_id}",
        "job_type": "golden",
        "start_time": "2026-01-01T00:00:00+00:00",
    }


def _record(mark: str, given: Mapping[str, Any]) -> dict[str, Any]:
    body = given.get("body", {})
    if mark != "$event":
        body = _run(body["event_id"]) | IN_A_RECORD | body
    return {
        "kind": KINDS[mark],
        "id": given[mark],
        "seq": given.get("seq", 1),
        "time": given.get("time", 1_767_225_600_000_000_000),
        "body": body,
    }


# -- the answer


def differences(answer: httpx.Response, wanted: Mapping[str, Any]) -> Iterator[str]:
    status = wanted["status"]
    if answer.status_code not in (status if isinstance(status, list) else [status]):
        yield f"status {answer.status_code}, not {status}"
    for name, value in wanted.get("headers", {}).items():
        yield from _compared(answer.headers.get(name), value, f"header {name}")
    if "text" in wanted:
        yield from _compared(answer.text, wanted["text"], "text")
    if wanted.keys() & {"json", "json_has", "keys"}:
        yield from _in_json(answer, wanted)


def _in_json(answer: httpx.Response, wanted: Mapping[str, Any]) -> Iterator[str]:
    try:
        body = answer.json()
    except ValueError:
        yield "this is no JSON"
        return
    if "json" in wanted:
        yield from _compared(body, wanted["json"], "$")
    if "json_has" in wanted:
        yield from _compared(body, wanted["json_has"], "$", partly=True)
    if "keys" in wanted:
        first = body[0] if isinstance(body, list) else body
        if list(first) != wanted["keys"]:
            yield f"keys {list(first)}, not {wanted['keys']}"


def _compared(got: Any, wanted: Any, path: str, *, partly: bool = False) -> Iterator[str]:
    """Give what differs, each with where it stands."""
    if isinstance(wanted, dict) and wanted.keys() == {"$unordered"}:
        yield from _unordered(got, wanted["$unordered"], path, partly=partly)
    elif isinstance(wanted, dict) and isinstance(got, dict):
        for name in wanted.keys() - got.keys():
            yield f"{path}.{name} is missing"
        for name in () if partly else sorted(got.keys() - wanted.keys()):
            yield f"{path}.{name} is too much: {got[name]!r}"
        for name in wanted.keys() & got.keys():
            yield from _compared(got[name], wanted[name], f"{path}.{name}", partly=partly)
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(got) != len(wanted):
            yield f"{path} has {len(got)} elements, not {len(wanted)}"
        for place, (one, other) in enumerate(zip(got, wanted, strict=False)):
            yield from _compared(one, other, f"{path}[{place}]", partly=partly)
    elif not _meets(got, wanted):
        yield f"{path} is {got!r}, not {wanted!r}"


def _unordered(got: Any, wanted: list[Any], path: str, *, partly: bool) -> Iterator[str]:
    left = list(got) if isinstance(got, list) else []
    for one in wanted:
        fits = [x for x in left if not any(_compared(x, one, path, partly=partly))]
        if not fits:
            yield f"{path} has no (further) {one!r}"
            continue
        left.remove(fits[0])
    if left:
        yield f"{path} has besides {left!r}"


def _meets(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and wanted.startswith("$"):
        word, _, rest = wanted[1:].partition(" ")
        return WORDS[word](got, rest)
    return type(got) is type(wanted) and bool(got == wanted)


def _is_time(got: Any) -> bool:
    try:
        return datetime.fromisoformat(got).utcoffset() == timedelta(0)
    except (TypeError, ValueError):
        return False


WORDS: Mapping[str, Callable[[Any, str], bool]] = {
    "any": lambda got, rest: True,
    "text": lambda got, rest: isinstance(got, str) and bool(got),
    "int": lambda got, rest: type(got) is int,
    "bool": lambda got, rest: type(got) is bool,
    "time": lambda got, rest: _is_time(got),
    "same_instant": lambda got, rest: (
        _is_time(got) and datetime.fromisoformat(got) == datetime.fromisoformat(rest)
    ),
    "begins": lambda got, rest: isinstance(got, str) and got.startswith(rest),
    "ends": lambda got, rest: isinstance(got, str) and got.endswith(rest),
    "holds": lambda got, rest: isinstance(got, str) and rest in got,
}

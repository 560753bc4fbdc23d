"""Answers that are ready to be sent: bytes of JSON, a status and a few headers."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError, Raw, defstruct
from msgspec.json import Decoder, Encoder
from msgspec.structs import asdict
from starlette.responses import Response
from telemetry_sqlite import ROW_COLUMNS

from telemetry_core import json_text
from telemetry_run_service.answers.links import links_of, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Scope

JSON = b"application/json"
CLIENT_HEADER = b"x-telemetry-client"  # who sends it knows what we add to the documented answers

_LINKS = ("commit_url", "repo_url")
_EXTRAS = ROW_COLUMNS[-2:]  # behind them, for those who say that they know us
RECORD_FIELDS = ROW_COLUMNS[:-2]  # in the documented order
_REPO, _HASH = map(RECORD_FIELDS.index, ("git_repo", "git_commit_hash"))
_Record = defstruct("_Record", [(name, Any) for name in (*RECORD_FIELDS, *_LINKS)], gc=False)
_Whole = defstruct(
    "_Whole", [(name, Any) for name in (*RECORD_FIELDS, *_LINKS, *_EXTRAS)], gc=False
)

_from_names = itemgetter(*ROW_COLUMNS)
_encode = Encoder().encode
_check = Decoder(Raw).decode


class Answer(Response):
    """A response of bytes that are there already, without what Starlette would ask of them."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        headers: Iterable[tuple[bytes, bytes]] = (),
        kind: bytes = JSON,
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]


def answer(content: Any, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """Return an answer of plain values."""
    return Answer(_encode(content), status, headers)


def problem(status: int, detail: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """Return an answer that says what is wrong, whatever the text has in it."""
    return Answer(json_text({"detail": detail}).encode(), status, headers)


def record_of(row: Sequence[Any], *, whole: bool = False) -> Any:
    """Return a row of the store, `ROW_COLUMNS`, as what is encoded as a record.

    :param whole: with the columns that only our own stores know behind the documented ones.
    """
    known, links = row[:-2], links_of(row[_REPO], row[_HASH])
    record: Any
    if whole:
        revision, inferred = row[-2:]
        record = _Whole(*known, *links, revision or 0, bool(inferred))
    else:
        record = _Record(*known, *links)
    record.api_posted = bool(record.api_posted)
    if record.git_repo:
        record.git_repo = without_credentials(record.git_repo)
    wrong: dict[str, str] = {}
    if isinstance(record.metrics_json, str):
        record.metrics_json = parsed_text(record.metrics_json, "metrics_json", wrong)
    if isinstance(record.context_json, str):
        record.context_json = parsed_text(record.context_json, "context_json", wrong)
    return _with_errors(record, wrong) if wrong else record


def record_of_names(run: dict[str, Any], *, whole: bool = False) -> Any:
    """Do the same with the values by name, JSON parsed."""
    return record_of(_from_names(run), whole=whole)


def knows_us(scope: Scope) -> bool:
    """Say whether the client is one of ours, and can do with more than the documented keys."""
    return any(name == CLIENT_HEADER for name, _ in scope["headers"])


def encoded(content: Any) -> bytes:
    """Return plain values and records as JSON."""
    return _encode(content)


def _with_errors(record: Any, wrong: dict[str, str]) -> dict[str, Any]:
    """Return a record with why its JSON is none, behind what is documented of its columns."""
    named = asdict(record)
    behind = {name: named.pop(name) for name in (*_LINKS, *_EXTRAS) if name in named}
    return {**named, **wrong, **behind}


def parsed_text(text: str, name: str, wrong: dict[str, str]) -> Any:
    """Return stored JSON text as what is encoded as it stands, if it is JSON.

    :param wrong: where to note, under `<name>_parse_error`, why it is not; then the text stays.
    """
    try:
        return _check(text)
    except (MsgspecError, ValueError, RecursionError):
        pass  # Python's own reader takes more, and says why when it does not
    try:
        return Raw(json_text(json.loads(text)))  # what only Python calls JSON, such as NaN
    except (ValueError, RecursionError) as error:
        wrong[f"{name}_parse_error"] = str(error)
        return text

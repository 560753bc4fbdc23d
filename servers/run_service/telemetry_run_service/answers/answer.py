"""Answers that are ready to be sent: bytes of JSON, a status and a few headers."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec import MsgspecError, Raw, defstruct
from msgspec.json import Decoder, Encoder
from starlette.responses import Response
from telemetry_sqlite import ROW_COLUMNS

from telemetry_core import json_text
from telemetry_run_service.answers.links import links_of, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Scope

JSON = b"application/json"
CLIENT_HEADER = b"x-telemetry-client"  # who sends it knows what we add to the documented answers

# The documented order, which is that of the table's columns.
RECORD_FIELDS = (
    "id",
    "event_id",
    "run_id",
    "schema_version",
    "created_at",
    "updated_at",
    "start_time",
    "end_time",
    "agent_name",
    "agent_owner",
    "job_type",
    "status",
    "product",
    "product_family",
    "platform",
    "subdomain",
    "website",
    "website_section",
    "item_name",
    "items_discovered",
    "items_succeeded",
    "items_failed",
    "items_skipped",
    "duration_ms",
    "input_summary",
    "output_summary",
    "source_ref",
    "target_ref",
    "error_summary",
    "error_details",
    "git_repo",
    "git_branch",
    "git_commit_hash",
    "git_run_tag",
    "git_commit_source",
    "git_commit_author",
    "git_commit_timestamp",
    "host",
    "environment",
    "trigger_type",
    "metrics_json",
    "context_json",
    "api_posted",
    "api_posted_at",
    "api_retry_count",
    "insight_id",
    "parent_run_id",
)
_LINKS = ("commit_url", "repo_url")
_EXTRAS = ("revision", "inferred")  # behind them, for those who say that they know us
_JSON_AT = tuple(RECORD_FIELDS.index(name) for name in ("metrics_json", "context_json"))
_POSTED, _REPO, _HASH = map(RECORD_FIELDS.index, ("api_posted", "git_repo", "git_commit_hash"))
_Record = defstruct("_Record", [(name, Any) for name in (*RECORD_FIELDS, *_LINKS)], gc=False)
_Whole = defstruct(
    "_Whole", [(name, Any) for name in (*RECORD_FIELDS, *_LINKS, *_EXTRAS)], gc=False
)

_in_order = itemgetter(*map(ROW_COLUMNS.index, RECORD_FIELDS))
_extras = itemgetter(*map(ROW_COLUMNS.index, _EXTRAS))
_from_names = itemgetter(*RECORD_FIELDS)
_extras_from_names = itemgetter(*_EXTRAS)
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
    return _record([*_in_order(row)], _extras(row) if whole else None)


def record_of_names(run: dict[str, Any], *, whole: bool = False) -> Any:
    """Do the same with the values by name, JSON parsed."""
    return _record([*_from_names(run)], _extras_from_names(run) if whole else None)


def knows_us(scope: Scope) -> bool:
    """Say whether the client is one of ours, and can do with more than the documented keys."""
    return any(name == CLIENT_HEADER for name, _ in scope["headers"])


def encoded(content: Any) -> bytes:
    """Return plain values and records as JSON."""
    return _encode(content)


def _record(values: list[Any], extras: tuple[Any, Any] | None) -> Any:
    values[_POSTED] = bool(values[_POSTED])
    links = links_of(values[_REPO], values[_HASH])
    if values[_REPO]:
        values[_REPO] = without_credentials(values[_REPO])
    wrong: dict[str, str] = {}
    for index in _JSON_AT:
        if isinstance(values[index], str):
            values[index] = parsed_text(values[index], RECORD_FIELDS[index], wrong)
    more = () if extras is None else (extras[0] or 0, bool(extras[1]))
    if wrong:
        behind = zip(_EXTRAS, more, strict=False)
        return {**_named(values), **wrong, **links._asdict(), **dict(behind)}
    return _Whole(*values, *links, *more) if more else _Record(*values, *links)


def _named(values: list[Any]) -> dict[str, Any]:
    return dict(zip(RECORD_FIELDS, values, strict=True))


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

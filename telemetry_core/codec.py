"""Writes records as lines of JSON and reads them back; what it writes, it can read."""

from __future__ import annotations

import re
from itertools import accumulate
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from attrs import fields
from msgspec import MsgspecError, Struct, defstruct
from msgspec.json import Decoder, Encoder

from telemetry_core.errors import InvalidRecordError, UnknownStatusError
from telemetry_core.models import (
    CANONICAL_STATUSES,
    JSON_FIELDS,
    RUN_FIELDS,
    RunEvent,
    RunRecord,
    normalize_status,
)
from telemetry_core.plain import CUT, MAX_DEPTH, text_of, text_or_none, tolerant
from telemetry_core.records import Kind, Lane, Record

if TYPE_CHECKING:
    from collections.abc import Callable

REPEAT_ENDING = b',"repeat":true}'
_DEEPEST_LINE = MAX_DEPTH + 2  # the line and its body are levels too
# A level takes two bytes and the line around the payload 60: below this it cannot be too deep.
_SHORTEST_DEEP_LINE = 2 * MAX_DEPTH + 60
_JSON_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_TEXT_OR_NONE = frozenset({str, NoneType})
_LEAVES = frozenset({str, int, float, bool, NoneType})
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(_STEPS))


class _EventBody(Struct, omit_defaults=True, gc=False):
    event_type: str
    run_id: str | None = None
    payload: Any = None
    distinct_id: str | None = None
    context: dict[str, Any] | None = None


def _may_be_left_out(default: object) -> bool:
    """Nulls, zeros and falses may; another default could be another one in a later version."""
    return default in {None, 0}


_RUN_TYPES = get_type_hints(RunRecord) | {"status": Literal[tuple(sorted(CANONICAL_STATUSES))]}
_RunBody = defstruct(
    "_RunBody",
    [(a.name, _RUN_TYPES[a.name]) for a in fields(RunRecord) if not _may_be_left_out(a.default)]
    + [
        (a.name, _RUN_TYPES[a.name], a.default)
        for a in fields(RunRecord)
        if _may_be_left_out(a.default)
    ],
    omit_defaults=True,
    gc=False,
)
_body_values = attrgetter(*_RunBody.__struct_fields__)
_run_values = attrgetter(*RUN_FIELDS)
_json_values = attrgetter(*JSON_FIELDS)  # of a run only these can be deep


class _Line(Struct, tag_field="kind", omit_defaults=True, gc=False):
    id: str
    seq: int
    time: int


class _EventLine(_Line, tag=Kind.EVENT.value):
    body: _EventBody
    repeat: bool = False


class _StartLine(_Line, tag=Kind.START_RUN.value):
    body: _RunBody  # type: ignore[valid-type]
    repeat: bool = False


class _UpdateLine(_Line, tag=Kind.UPDATE_RUN.value):
    body: _RunBody  # type: ignore[valid-type]
    repeat: bool = False


class _EndLine(_Line, tag=Kind.END_RUN.value):
    body: _RunBody  # type: ignore[valid-type]
    repeat: bool = False


_RUN_LINES: dict[Kind, Callable[..., _Line]] = {
    Kind.START_RUN: _StartLine,
    Kind.UPDATE_RUN: _UpdateLine,
    Kind.END_RUN: _EndLine,
}
_KINDS = {line: kind for kind, line in _RUN_LINES.items()}
_write = Encoder().encode
_read = Decoder(_EventLine | _StartLine | _UpdateLine | _EndLine).decode


def encode(
    record_id: str,
    kind: Kind,
    seq: int,
    time_ns: int,
    body: RunRecord | RunEvent,
    repeat: bool = False,
) -> bytes:
    """Return a record as one line of JSON, without its line feed; never raises.

    A line is read back before it is returned, unless it holds nothing but what is always read:
    what a sink could not read later is written again in plain values (see `tolerant`). NaN and
    infinities are null either way.
    """
    try:
        if isinstance(body, RunEvent):
            event = _EventBody(
                body.event_type, body.run_id, body.payload, body.distinct_id, body.context
            )
            line = _write(_EventLine(record_id, seq, time_ns, event, repeat))
            if _is_always_read(event) and type(record_id) is str:
                return line
            may_be_deep = len(line) >= _SHORTEST_DEEP_LINE
        else:
            run = _RunBody(*_body_values(body))
            line = _write(_RUN_LINES[kind](record_id, seq, time_ns, run, repeat))
            may_be_deep = any(_json_values(body))
        if not may_be_deep or not _is_too_deep(line):
            _read(line)
            return line
    except Exception:  # noqa: S110 - whatever it was, the tolerant path copes with it
        pass
    if isinstance(body, RunEvent):
        return _write_event_tolerantly(record_id, seq, time_ns, body, repeat)
    return _write_run_tolerantly(record_id, kind, seq, time_ns, body, repeat)


def decode(line: bytes, lane: Lane) -> Record:
    """Return the record that a line holds; fields of a later version are passed over.

    Raises `InvalidRecordError` when the line is not JSON or a field is missing or of a wrong type.
    """
    try:
        read = _read(line)
    except (MsgspecError, ValueError, RecursionError) as error:
        raise InvalidRecordError(f"this line is no record: {error}") from error
    if isinstance(read, _EventLine):
        body = read.body
        event = RunEvent(
            read.id,
            body.event_type,
            read.time,
            body.run_id,
            body.payload,
            body.distinct_id,
            body.context,
        )
        return Record(read.id, Kind.EVENT, read.seq, read.time, lane, event, len(line))
    run = RunRecord(*_run_values(read.body))
    return Record(read.id, _KINDS[type(read)], read.seq, read.time, lane, run, len(line))


def encode_record(record: Record) -> bytes:
    """Return a record as the line of JSON that the spool holds of it; never raises."""
    return encode(record.id, record.kind, record.seq, record.time_ns, record.body)


def decode_record(line: bytes, lane: Lane = Lane.STANDARD) -> Record:
    """Return the record that a line of JSON holds, as of this lane.

    Raises `InvalidRecordError` when it holds none.
    """
    return decode(line, lane)


def is_repeat(line: bytes) -> bool:
    """Say whether a line only repeats an earlier one for the next reader of its folder."""
    return line.endswith(REPEAT_ENDING)


def _is_always_read(event: _EventBody) -> bool:
    """Say whether an event is flat and of exact plain types: what is written of these is JSON."""
    payload = event.payload
    return (
        type(payload) is dict
        and _LEAVES.issuperset(map(type, payload.values()))
        and type(event.event_type) is str
        and type(event.run_id) in _TEXT_OR_NONE
        and type(event.distinct_id) in _TEXT_OR_NONE
        and event.context is None
    )


def _is_too_deep(line: bytes) -> bool:
    """Say whether another thread, with more of its stack in use, might fail to read the line."""
    if line.count(b"[") + line.count(b"{") <= _DEEPEST_LINE:
        return False
    brackets = _JSON_STRING.sub(b"", line).translate(None, _ALL_BUT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets))) > _DEEPEST_LINE


def _write_event_tolerantly(
    record_id: str, seq: int, time_ns: int, event: RunEvent, repeat: bool
) -> bytes:
    context = tolerant(event.context)
    body = _EventBody(
        text_of(event.event_type),
        text_or_none(event.run_id),
        tolerant(event.payload),
        text_or_none(event.distinct_id),
        context if context is None or isinstance(context, dict) else {"context": context},
    )
    line = _EventLine(text_of(record_id), seq, time_ns, body, repeat)
    try:
        return _write(line)
    except Exception:  # memory or stack ran out: keep at least that it happened
        body.payload, body.context = CUT, None
        return _write(line)


def _write_run_tolerantly(
    record_id: str, kind: Kind, seq: int, time_ns: int, run: RunRecord, repeat: bool
) -> bytes:
    body = _RunBody(*(_fitting(name, getattr(run, name)) for name in _RunBody.__struct_fields__))
    return _write(_RUN_LINES[kind](text_of(record_id), seq, time_ns, body, repeat))


def _fitting(name: str, value: object) -> Any:
    """Return a run's value in the type that its field declares."""
    declared = _RUN_TYPES[name]
    if name == "status":
        return _fitting_status(value)
    if declared is Any:
        return tolerant(value)
    if declared is bool:
        return tolerant(value) is True
    if declared is int:
        number = tolerant(value)
        return int(number) if isinstance(number, (int, float)) else 0
    return text_of(value) if declared is str else text_or_none(value)


def _fitting_status(value: object) -> str:
    try:
        return normalize_status(text_of(value))
    except UnknownStatusError:
        return "failure"

"""What a program tells of: its runs and its events, with every field of the run schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from attrs import asdict, define, field, fields

from telemetry_core.clock import (
    SystemClock,
    get_iso8601_timestamp,
    iso8601,
    parse_iso8601,
)
from telemetry_core.errors import InvalidRecordError, UnknownStatusError
from telemetry_core.ids import derived_id, format_run_id, random_id, random_suffix
from telemetry_core.plain import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 7
EXCEPTION = "exception"  # the event type of a captured exception; always critical

RUNNING = "running"
CANONICAL_STATUSES = frozenset({RUNNING, "success", "failure", "partial", "timeout", "cancelled"})
STATUS_ALIASES = {
    "failed": "failure",
    "completed": "success",
    "succeeded": "success",
    "canceled": "cancelled",
}

COUNT_FIELDS = (
    "items_discovered",
    "items_succeeded",
    "items_failed",
    "items_skipped",
    "duration_ms",
    "api_retry_count",
)
TIME_FIELDS = ("start_time", "end_time", "created_at", "updated_at")
JSON_FIELDS = ("metrics_json", "context_json")
# What a run's end says; merged as one, so that a status never stands beside another end's error.
END_FIELDS = ("status", "end_time", "duration_ms", "error_summary", "error_details", "inferred")


def normalize_status(status: str) -> str:
    """Return the canonical word for a status or one of its aliases, in any case.

    Raises `UnknownStatusError` for anything else.
    """
    word = status.strip().lower() if isinstance(status, str) else ""
    word = STATUS_ALIASES.get(word, word)
    if word not in CANONICAL_STATUSES:
        known = ", ".join(sorted(CANONICAL_STATUSES))
        raise UnknownStatusError(f"unknown run status {status!r}; use one of: {known}")
    return word


@define(eq=True)
class RunRecord:
    """One execution of a job by an agent: a row of `agent_runs`."""

    run_id: str
    agent_name: str
    job_type: str
    trigger_type: str | None = "cli"
    start_time: str = field(factory=get_iso8601_timestamp)
    event_id: str = field(factory=random_id)
    schema_version: int = SCHEMA_VERSION
    agent_owner: str | None = None
    end_time: str | None = None
    status: str = RUNNING
    items_discovered: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    duration_ms: int = 0
    input_summary: str | None = None
    output_summary: str | None = None
    source_ref: str | None = None
    target_ref: str | None = None
    error_summary: str | None = None
    error_details: str | None = None
    metrics_json: Any = None
    context_json: Any = None
    insight_id: str | None = None
    product: str | None = None
    platform: str | None = None
    product_family: str | None = None
    subdomain: str | None = None
    website: str | None = None
    website_section: str | None = None
    item_name: str | None = None
    git_repo: str | None = None
    git_branch: str | None = None
    git_run_tag: str | None = None
    git_commit_hash: str | None = None
    git_commit_source: str | None = None
    git_commit_author: str | None = None
    git_commit_timestamp: str | None = None
    host: str | None = None
    environment: str | None = None
    api_posted: bool = False
    api_posted_at: str | None = None
    api_retry_count: int = 0
    parent_run_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    revision: int = 0
    inferred: bool = False

    def __attrs_post_init__(self) -> None:
        """Write the status as its canonical word and lift negative counts to zero."""
        if self.status not in CANONICAL_STATUSES:
            self.status = normalize_status(self.status)
        for name in COUNT_FIELDS:
            if getattr(self, name) < 0:
                setattr(self, name, 0)

    @property
    def ended(self) -> bool:
        """Whether the run has come to an end of whatever kind."""
        return self.status != RUNNING

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, nulls included, marked as a run."""
        return {**asdict(self, recurse=False), "record_type": "run"}

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json_text(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a run from a mapping, leaving out names that no run has.

        Raises `InvalidRecordError` when a required field is missing or a value is of a wrong type,
        and `UnknownStatusError` for a status that no run has.
        """
        from msgspec import ValidationError, convert

        try:
            known = {name: data[name] for name in RUN_FIELDS if name in data}
            if "status" in known:
                known["status"] = normalize_status(known["status"])
            return convert(known, cls, strict=False)  # a database says 0 and 1 for false and true
        except (TypeError, ValidationError) as error:
            raise InvalidRecordError(f"this is no run: {error}") from error


RUN_FIELDS: tuple[str, ...] = tuple(attribute.name for attribute in fields(RunRecord))
# Numbers and flags; a row in which one is null was written by somebody who left it out.
NEVER_NULL_FIELDS: tuple[str, ...] = tuple(
    attribute.name for attribute in fields(RunRecord) if isinstance(attribute.default, int)
)
_MAKE_A_RUN = ("run_id", "agent_name", "job_type", "start_time")


def identified(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was stored of a run with its event id; the same, whenever it is read.

    One from before there were event ids gets the one that belongs to its run id. Raises
    `InvalidRecordError` when something is missing that a run cannot be without.
    """
    if lacking := [name for name in _MAKE_A_RUN if not values.get(name)]:
        raise InvalidRecordError(f"this is no run: {lacking[0]} is missing")
    known = values.get("event_id") or derived_id(str(values["run_id"]), "run")
    return {**values, "event_id": known}


@define(eq=False)
class RunEvent:
    """Something that happened, in a run or on its own."""

    event_id: str
    event_type: str
    time_ns: int
    run_id: str | None = None
    payload: Any = None
    distinct_id: str | None = None
    context: dict[str, Any] | None = None

    @property
    def timestamp(self) -> str:
        """The moment as ISO 8601 in UTC."""
        return iso8601(self.time_ns)

    @property
    def payload_json(self) -> str | None:
        """The payload as JSON text, or nothing for an empty one."""
        return json_text(self.payload) if self.payload else None

    def to_dict(self) -> dict[str, Any]:
        """Return the event as a line of an NDJSON file has it, marked as an event."""
        return {
            "run_id": self.run_id,
            "event_type": self.event_type,
            "timestamp": self.timestamp,
            "payload_json": self.payload_json,
            "id": None,
            "event_id": self.event_id,
            "distinct_id": self.distinct_id,
            "context": self.context,
            "record_type": "event",
        }

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json_text(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build an event from a mapping with `event_type` and `timestamp`.

        Raises `InvalidRecordError` when either is missing or unreadable.
        """
        try:
            payload, text = data.get("payload"), data.get("payload_json")
            return cls(
                event_id=_text(data.get("event_id") or random_id()),
                event_type=_text(data["event_type"]),
                time_ns=parse_iso8601(data["timestamp"]),
                run_id=data.get("run_id"),
                payload=json.loads(text) if payload is None and text else payload,
                distinct_id=data.get("distinct_id"),
                context=data.get("context"),
            )
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise InvalidRecordError(f"this is no event: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def generate_run_id(agent_name: str) -> str:
    """Return a fresh run id, `YYYYMMDDTHHMMSSZ-<agent>-<8 hex>`."""
    return format_run_id(agent_name, SystemClock.time_ns(), random_suffix())

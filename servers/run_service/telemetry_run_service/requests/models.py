"""What a request may hold: the models that check it, and that the OpenAPI description shows."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from telemetry_core import RunRecord, iso8601, parse_iso8601
from telemetry_run_service.answers.links import without_credentials

STATUSES = ("running", "success", "failure", "partial", "timeout", "cancelled")
STATUS_ALIASES = {"failed": "failure", "completed": "success", "succeeded": "success"}

_LARGEST = 2**63 - 1
_EARLIEST_NS = -62_135_596_800 * 10**9  # the years 1 to 9999, which is what a time is written with
_LATEST_NS = 253_402_300_800 * 10**9
_NO_TIME = "Value must be an ISO 8601 time, such as 2026-01-31T09:30:00+00:00"


def moment(text: str) -> str:
    """Return an ISO 8601 time in UTC, in the one form that sorts; raises `ValueError`."""
    try:
        time_ns = parse_iso8601(text)
    except (ValueError, OverflowError):
        raise ValueError(_NO_TIME) from None
    if not _EARLIEST_NS <= time_ns < _LATEST_NS:
        raise ValueError(_NO_TIME)
    return iso8601(time_ns)


def _object(value: object) -> object:
    """Return the object that a text holds as JSON; anything else as it is, for the type to judge."""
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if isinstance(found, dict) else value
    return value


def _canonical(status: str) -> str:
    word = STATUS_ALIASES.get(status, status)
    if word not in STATUSES:
        raise ValueError(f"Value must be one of {', '.join((*STATUSES, *STATUS_ALIASES))}")
    return word


def _or_zero(number: int | None) -> int:
    return number or 0


def _without_credentials(repo: str | None) -> str | None:
    return repo and without_credentials(repo)


Text = str | None
Repo = Annotated[str | None, AfterValidator(_without_credentials)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Moment = Annotated[str, AfterValidator(moment)]
CommitSource = Literal["manual", "llm", "ci"]
Status = Annotated[
    str,
    AfterValidator(_canonical),
    WithJsonSchema({"type": "string", "enum": [*STATUSES, *STATUS_ALIASES]}),
]
JsonObject = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_object),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": True},
                {"type": "string", "contentMediaType": "application/json"},
                {"type": "null"},
            ]
        }
    ),
]


class TelemetryRun(BaseModel):
    """A run as it is created. Names that are not known are passed over."""

    event_id: Annotated[str, Field(min_length=1)]
    run_id: str
    created_at: Moment | None = None
    start_time: Moment
    end_time: Moment | None = None
    agent_name: str
    agent_owner: Text = None
    job_type: str
    status: Status = "running"
    product: Text = None
    product_family: Text = None
    platform: Text = None
    subdomain: Text = None
    website: Text = None
    website_section: Text = None
    item_name: Text = None
    items_discovered: Count = 0
    items_succeeded: Count = 0
    items_failed: Count = 0
    items_skipped: Count = 0
    duration_ms: Annotated[Count | None, AfterValidator(_or_zero)] = 0
    input_summary: Text = None
    output_summary: Text = None
    source_ref: Text = None
    target_ref: Text = None
    error_summary: Text = None
    error_details: Text = None
    git_repo: Repo = None
    git_branch: Text = None
    git_commit_hash: Text = None
    git_run_tag: Text = None
    git_commit_source: CommitSource | None = None
    git_commit_author: Text = None
    git_commit_timestamp: Text = None
    host: Text = None
    environment: Text = None
    trigger_type: Text = None
    metrics_json: JsonObject = None
    context_json: JsonObject = None
    api_posted: bool = False
    api_posted_at: Text = None
    api_retry_count: Count = 0
    insight_id: Text = None
    parent_run_id: Text = None

    def record(self) -> RunRecord:
        """Return the run as our stores know it."""
        run = RunRecord(**self.__dict__)
        run.metrics_json = run.metrics_json or None
        run.context_json = run.context_json or None
        return run


class RunBatch(BaseModel):
    """Several runs, wrapped."""

    runs: list[TelemetryRun]


class RunUpdate(BaseModel):
    """What is changed of a run; null and what is left out stay as they are."""

    status: Status | None = None
    end_time: Moment | None = None
    duration_ms: Count | None = None
    error_summary: Text = None
    error_details: Text = None
    output_summary: Text = None
    items_succeeded: Count | None = None
    items_failed: Count | None = None
    items_skipped: Count | None = None
    metrics_json: JsonObject = None
    context_json: JsonObject = None
    git_commit_source: CommitSource | None = None
    git_commit_author: Text = None
    git_commit_timestamp: Text = None
    items_discovered: Count | None = None
    input_summary: Text = None

    def changes(self) -> dict[str, Any]:
        """Return what is given, by name, in the order of the model."""
        return {name: value for name, value in self.__dict__.items() if value is not None}


class CommitAssociation(BaseModel):
    """The commit that a run made or ran at."""

    commit_hash: Annotated[str, Field(min_length=7, max_length=40)]
    commit_source: CommitSource
    commit_author: Text = None
    commit_timestamp: Text = None

    def changes(self) -> dict[str, Any]:
        """Return all four columns: what is left out becomes null."""
        return {f"git_{name}": value for name, value in self.__dict__.items()}


class RunFilters(BaseModel):
    """Which runs are meant; all that is given must hold. An empty text is no filter."""

    agent_name: Text = None
    job_type: Text = None
    status: Text = None
    run_id: Text = None
    parent_run_id: Text = None
    created_before: Text = None
    created_after: Text = None
    start_time_from: Text = None
    start_time_to: Text = None


class RunQuery(RunFilters):
    """Which runs are asked for, and how many of them."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=_LARGEST)] = 0
    after: Annotated[
        Text, Field(description="Where the page before ended, as its `Link` header says.")
    ] = None
    id_prefix: Annotated[
        Text,
        Field(description="How the event id or the run id begins; of these there is one page."),
    ] = None
    total: Annotated[
        bool, Field(description="Whether `X-Total-Count` says how many there are.")
    ] = False


class EventQuery(BaseModel):
    """How many events are asked for, and after which."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Annotated[
        Text, Field(description="Where the page before ended, as its `Link` header says.")
    ] = None


class MetricsQuery(BaseModel):
    """In which form the figures are wanted."""

    format: Annotated[
        Literal["json", "prometheus"] | None,
        Field(description="Goes before what `Accept` says."),
    ] = None

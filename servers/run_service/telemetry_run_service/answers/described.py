"""What answers look like, for the OpenAPI description; no answer is made of these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from telemetry_run_service.answers.answer import RECORD_FIELDS

_WHOLE = frozenset(
    {
        "id",
        "schema_version",
        "items_discovered",
        "items_succeeded",
        "items_failed",
        "items_skipped",
        "duration_ms",
        "api_retry_count",
    }
)


def _type_of(name: str) -> Any:
    if name in _WHOLE:
        return int | None
    if name == "api_posted":
        return bool
    return Any if name.endswith("_json") else str | None


class _Described(BaseModel):
    model_config = ConfigDict(defer_build=True)  # until the description is asked for: it takes time


_FIELDS: dict[str, Any] = {
    name: (_type_of(name), ...) for name in (*RECORD_FIELDS, "commit_url", "repo_url")
}
RunRecord = create_model(
    "RunRecord",
    __config__=ConfigDict(extra="allow", defer_build=True),
    __doc__="A run as it is stored. JSON that cannot be read stays text, beside `…_parse_error`.",
    **_FIELDS,
)


class Created(_Described):
    """The run is stored."""

    status: Literal["created"]
    event_id: str
    run_id: str


class Duplicate(_Described):
    """The run was known, and what is new in this one was added to it."""

    status: Literal["duplicate"]
    event_id: str
    message: str


class BatchResponse(_Described):
    """What became of the rows of a batch."""

    inserted: int
    duplicates: int
    errors: list[str]
    total: int


class BatchCreated(BatchResponse):
    """What became of the rows of a batch that came wrapped."""

    created: int
    status: Literal["created"]


class Updated(_Described):
    """What was changed."""

    event_id: str
    updated: bool
    fields_updated: list[str]


class Associated(_Described):
    """The commit is stored with the run."""

    status: Literal["success"]
    event_id: str
    run_id: str
    commit_hash: str


class CommitUrl(_Described):
    """Where the commit of a run can be seen."""

    commit_url: str | None


class RepoUrl(_Described):
    """Where the repository of a run can be seen."""

    repo_url: str | None


class Event(_Described):
    """Something that happened in a run."""

    id: int
    event_id: str | None
    run_id: str | None
    event_type: str
    timestamp: str
    payload_json: Any
    distinct_id: str | None
    context_json: Any


class Counts(_Described):
    """How many names there are."""

    agent_names: int
    job_types: int


class Metadata(_Described):
    """The names that occur."""

    agent_names: list[str]
    job_types: list[str]
    counts: Counts
    cache_hit: bool


class Performance(_Described):
    """Which database is served, and how."""

    db_path: str | None
    journal_mode: str


class Metrics(_Described):
    """How many runs there are."""

    total_runs: int
    agents: dict[str, int]
    recent_24h: int
    performance: Performance


class Health(_Described):
    """The service answers, and so does its database."""

    status: Literal["ok"]
    version: str
    db_path: str | None
    journal_mode: str
    synchronous: str


class Refused(_Described):
    """A record that is not stored."""

    index: int
    id: str | None
    code: str
    reason: str


class RecordsAnswer(_Described):
    """What became of the records; all that are not named are stored."""

    accepted: int
    rejected: list[Refused]


class Problem(_Described):
    """What is wrong, in words."""

    detail: str


class ValidationError(_Described):
    """One problem of a request."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any = None
    url: str = ""
    ctx: dict[str, Any] | None = None


class HTTPValidationError(_Described):
    """Every problem of a request."""

    detail: list[ValidationError]

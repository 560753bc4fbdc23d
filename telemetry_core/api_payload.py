"""The part of a run that reporting endpoints are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import asdict, define, fields

from telemetry_core.plain import json_text

if TYPE_CHECKING:
    from telemetry_core.models import RunRecord


@define
class APIPayload:
    """The part of a run that is posted to a reporting endpoint."""

    run_id: str
    agent_name: str
    job_type: str
    trigger_type: str | None
    start_time: str
    status: str
    agent_owner: str | None = None
    end_time: str | None = None
    items_discovered: int = 0
    items_succeeded: int = 0
    items_failed: int = 0
    duration_ms: int = 0
    error_summary: str | None = None
    product: str | None = None
    platform: str | None = None
    product_family: str | None = None
    subdomain: str | None = None
    website: str | None = None
    website_section: str | None = None
    item_name: str | None = None
    git_repo: str | None = None
    git_branch: str | None = None
    git_commit_hash: str | None = None
    git_commit_source: str | None = None
    git_commit_author: str | None = None
    git_commit_timestamp: str | None = None
    host: str | None = None

    @classmethod
    def from_run_record(cls, record: RunRecord) -> Self:
        """Take the posted fields out of a run."""
        return cls(**{a.name: getattr(record, a.name) for a in fields(cls)})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that have a value."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json_text(self.to_dict())

"""What has to be said to a row that is there, so that it says what a run has become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_http_api.rows import COLUMNS, KEPT_ASIDE, OTHER_FIELDS, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core import RunRecord

_PATCHED = (
    "status",
    "end_time",
    "duration_ms",
    "error_summary",
    "error_details",
    "output_summary",
    "items_succeeded",
    "items_failed",
    "items_skipped",
    "metrics_json",
    "context_json",
    "git_commit_source",
    "git_commit_author",
    "git_commit_timestamp",
)
# What a row says once and for all, and what is none of the run's own words.
_FIXED = frozenset({"event_id", "run_id", "created_at", "start_time", "api_posted"})
_OF_THE_COMMIT = ("git_commit_source", "git_commit_author", "git_commit_timestamp")
_SOURCES = ("manual", "llm", "ci")
_SHORTEST_HASH, _LONGEST_HASH = 7, 40


@define
class Changes:
    """What is different.

    :ivar fields: the columns that a patch can set; `commit`: what ties a commit to the run.
    :ivar context: what the context of the run is then.
    """

    fields: dict[str, Any] = field(factory=dict)
    commit: dict[str, Any] = field(factory=dict)
    context: dict[str, Any] | None = None

    def requests(self, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Give method, path and body of each request that is needed; none where all is said.

        :param path: that of the run.
        """
        if self.commit:
            yield "POST", f"{path}/associate-commit", self.commit
        if self.fields:
            yield "PATCH", path, self.fields


def changes_between(stored: RunRecord, wanted: RunRecord) -> Changes:
    """Return what a row has to be told; what no patch can set goes into the run's context.

    A run is never told to be running again.
    """
    before = row_of(stored)
    after = row_of(wanted)
    different = {n for n in COLUMNS if after[n] is not None and after[n] != before[n]}
    new = different - _FIXED
    commit = _commit(after) if "git_commit_hash" in new else {}
    left = {name: after[name] for name in new if name not in _PATCHED}
    if commit:
        left.pop("git_commit_hash")
        new.difference_update(_OF_THE_COMMIT)
    context = row_of(wanted, {**_aside(stored.context_json), **left})["context_json"]
    if context is not None and context != stored.context_json:
        after["context_json"] = context
        new.add("context_json")
    else:
        new.discard("context_json")
    if not wanted.ended:
        new.discard("status")
    return Changes({name: after[name] for name in _PATCHED if name in new}, commit, context)


def _commit(row: dict[str, Any]) -> dict[str, Any]:
    """Return what ties a commit to a run; nothing where its hash or source would be refused."""
    known, source = row["git_commit_hash"], row["git_commit_source"]
    if source not in _SOURCES or not _SHORTEST_HASH <= len(known) <= _LONGEST_HASH:
        return {}
    return {
        "commit_hash": known,
        "commit_source": source,
        "commit_author": row["git_commit_author"],
        "commit_timestamp": row["git_commit_timestamp"],
    }


def _aside(context: Any) -> dict[str, Any]:
    """Return what the context of a row keeps of fields whose columns could not be written."""
    kept = context.get(OTHER_FIELDS) if isinstance(context, dict) else None
    kept = kept if isinstance(kept, dict) else {}
    return {name: value for name, value in kept.items() if name not in KEPT_ASIDE}

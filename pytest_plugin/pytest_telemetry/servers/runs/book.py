"""What a run service has stored: its runs and events, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.runs.links import commit_url, repo_url, without_credentials
from pytest_telemetry.servers.runs.merging import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    Run: TypeAlias = dict[str, Any]
    Event: TypeAlias = dict[str, Any]

_NAMES = """event_id run_id schema_version created_at updated_at start_time end_time agent_name
agent_owner job_type status product product_family platform subdomain website website_section
item_name items_discovered items_succeeded items_failed items_skipped duration_ms input_summary
output_summary source_ref target_ref error_summary error_details git_repo git_branch
git_commit_hash git_run_tag git_commit_source git_commit_author git_commit_timestamp host
environment trigger_type metrics_json context_json api_posted api_posted_at api_retry_count
insight_id parent_run_id"""
COLUMNS = tuple(_NAMES.split())
COUNTS = ("items_discovered", "items_succeeded", "items_failed", "items_skipped")
NUMBERS = (*COUNTS, "duration_ms", "api_retry_count")
UNSEEN = {"revision": 0, "inferred": False}  # what the reference service does not know
BLANK: Mapping[str, Any] = {
    **dict.fromkeys(COLUMNS),
    **UNSEEN,
    "schema_version": 7,
    "status": "running",
    "api_posted": False,
    **dict.fromkeys(NUMBERS, 0),
}


class Book:
    """Runs by their event ids, events by theirs, both in the order in which they came."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.events: dict[str, Event] = {}

    def insert(self, values: Mapping[str, Any]) -> None:
        """Add a run that is not there."""
        row = {"id": len(self.runs) + 1, **BLANK, **values}
        self.runs[row["event_id"]] = row

    def merge(self, values: Mapping[str, Any]) -> bool:
        """Add to a run that is there what is told of it now; return whether that was news."""
        old = self.runs[values["event_id"]]
        new = merged(old, {"id": old["id"], **BLANK, **values})
        news = {**new, "updated_at": old["updated_at"]} != old
        self.runs[values["event_id"]] = new if news else old
        return news

    def add_event(self, values: Mapping[str, Any]) -> None:
        """Add an event unless it is there."""
        self.events.setdefault(values["event_id"], {"id": len(self.events) + 1, **values})

    def with_id(self, id: str) -> Run | None:
        """Return the run of an event id, or the newest of a run id."""
        if id in self.runs:
            return self.runs[id]
        return next((run for run in self.newest_first() if run["run_id"] == id), None)

    def newest_first(self) -> list[Run]:
        """Return all runs in the order of a list; those of one moment as they came."""
        by_id = sorted(self.runs.values(), key=lambda run: int(run["id"]))
        return sorted(by_id, key=lambda run: str(run["created_at"]), reverse=True)

    def chosen(self, conditions: Iterable[Callable[[Run], bool]]) -> list[Run]:
        """Return the runs that meet all conditions, the newest first."""
        wanted = list(conditions)
        return [run for run in self.newest_first() if all(meets(run) for meets in wanted)]

    def events_of(self, run_id: str) -> list[Event]:
        """Return the events of a run in the order in which they happened."""
        found = [event for event in self.events.values() if event["run_id"] == run_id]
        return sorted(found, key=lambda event: (str(event["timestamp"]), int(event["id"])))


def shown(run: Run, *, careless: bool, whole: bool = False) -> dict[str, Any]:
    """Return a run as an answer has it, with its links; the whole is for clients of ours."""
    urls = {
        "commit_url": commit_url(run, careless=careless),
        "repo_url": repo_url(run, careless=careless),
    }
    told = {name: run[name] for name in ("id", *COLUMNS)} | urls
    if not careless:
        told["git_repo"] = without_credentials(run["git_repo"])
    return told | {name: run[name] for name in UNSEEN} if whole else told

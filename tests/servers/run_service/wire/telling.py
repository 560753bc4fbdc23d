"""What a test says to the service: runs to send, and the requests as one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

if TYPE_CHECKING:
    import httpx

RUNS = "/api/v1/runs"
RECORDS = "/api/v1/records"
START = "2026-01-01T12:00:00+00:00"
NOON_NS = 1_767_268_800 * 10**9
REQUIRED = ("event_id", "run_id", "start_time", "agent_name", "job_type")

RECORD = [
    *("id", "event_id", "run_id", "schema_version", "created_at", "updated_at", "start_time"),
    *("end_time", "agent_name", "agent_owner", "job_type", "status", "product", "product_family"),
    *("platform", "subdomain", "website", "website_section", "item_name", "items_discovered"),
    *("items_succeeded", "items_failed", "items_skipped", "duration_ms", "input_summary"),
    *("output_summary", "source_ref", "target_ref", "error_summary", "error_details", "git_repo"),
    *("git_branch", "git_commit_hash", "git_run_tag", "git_commit_source", "git_commit_author"),
    *("git_commit_timestamp", "host", "environment", "trigger_type", "metrics_json"),
    *("context_json", "api_posted", "api_posted_at", "api_retry_count", "insight_id"),
    *("parent_run_id", "commit_url", "repo_url"),
]


def own() -> str:
    """Return a name that nobody else has."""
    return f"wire-{uuid4().hex}"


def a_run(**fields: Any) -> dict[str, Any]:
    """Return what a run needs at least, under ids of its own, with these fields beside it."""
    event_id = fields.get("event_id", own())
    return {
        "event_id": event_id,
        "run_id": f"run-{event_id}",
        "agent_name": "wire agent",
        "job_type": "wire",
        "start_time": START,
        **fields,
    }


def a_record(kind: str, id: str, **body: Any) -> dict[str, Any]:
    """Return a record as the spool holds it, of a run under ids of its own or of an event."""
    if kind != "event":
        body = a_run(trigger_type="cli", schema_version=7, status="running", **body)
    return {"kind": kind, "id": id, "seq": 1, "time": NOON_NS, "body": body}


class Api:
    """The requests of the service, through one connection."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def post(self, **fields: Any) -> httpx.Response:
        """Send a run with these fields."""
        return self.client.post(RUNS, json=a_run(**fields))

    def made(self, **fields: Any) -> dict[str, Any]:
        """Make a run with these fields; return it as the service gives it back."""
        run = a_run(**fields)
        answer = self.client.post(RUNS, json=run)
        assert answer.status_code == 201, answer.text
        return self.get(run["event_id"])

    def get(self, event_id: str) -> dict[str, Any]:
        """Return a run, which has to be there."""
        answer = self.client.get(path_of(event_id))
        assert answer.status_code == 200, answer.text
        run: dict[str, Any] = answer.json()
        return run

    def patch(self, event_id: str, **changes: Any) -> httpx.Response:
        """Change a run."""
        return self.client.patch(path_of(event_id), json=changes)

    def patched(self, event_id: str, **changes: Any) -> dict[str, Any]:
        """Change a run, which has to go well; return the run."""
        answer = self.patch(event_id, **changes)
        assert answer.status_code == 200, answer.text
        return self.get(event_id)

    def batch(self, *runs: Any) -> httpx.Response:
        """Send a batch as a bare array."""
        return self.client.post(f"{RUNS}/batch", json=[*runs])

    def found(self, **params: Any) -> list[str]:
        """Return the event ids that a query finds, in its order."""
        answer = self.client.get(RUNS, params=params)
        assert answer.status_code == 200, answer.text
        return [run["event_id"] for run in answer.json()]

    def associate(self, event_id: str, **commit: Any) -> httpx.Response:
        """Say which commit came from a run."""
        return self.client.post(f"{path_of(event_id)}/associate-commit", json=commit)

    def total(self) -> int:
        """Return how many runs there are."""
        total: int = self.client.get("/metrics").json()["total_runs"]
        return total


def path_of(event_id: str) -> str:
    """Return the path of a run; whatever is odd in its id is escaped."""
    return f"{RUNS}/{quote(event_id, safe='')}"


def problems(answer: httpx.Response) -> list[tuple[Any, ...]]:
    """Return where each problem of a refused request is."""
    assert answer.status_code == 422, answer.text
    return [tuple(problem["loc"]) for problem in answer.json()["detail"]]


def detail(answer: httpx.Response) -> Any:
    """Return what an answer says of an error, which is JSON whatever happened."""
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["detail"]

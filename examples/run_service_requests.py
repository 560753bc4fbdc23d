"""Every request that the run service answers, one after the other, with what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

TELEMETRY = Path(sys.executable).with_name("telemetry")


def write(ask: Callable[..., Any]) -> None:
    """Create runs, change one, and say which commit it ran at."""
    start = {"agent_name": "crawler", "job_type": "nightly", "start_time": "2026-01-31T02:00:00Z"}
    night = {"event_id": "night-1", "run_id": "run-1", **start}
    ask("POST", "/api/v1/runs", night)
    ask("POST", "/api/v1/runs", night)
    odd = {**night, "event_id": "night-3", "items_failed": -1}
    ask("POST", "/api/v1/runs/batch", [{**night, "event_id": "night-2"}, night, odd])

    ask("PATCH", "/api/v1/runs/night-1", {"status": "completed", "items_discovered": 40})
    commit = {"commit_hash": "abcdef1", "commit_source": "ci"}
    ask("POST", "/api/v1/runs/night-1/associate-commit", commit)
    page = {"event_type": "page", "run_id": "run-1", "payload": {"url": "/"}}
    event = {"kind": "event", "id": "page-1", "seq": 1, "time": 1769824800000000000, "body": page}
    ask("POST", "/api/v1/records", {"records": [event]})


def read(ask: Callable[..., Any]) -> None:
    """Ask for runs by what they are, for one, for its events, and for the figures."""
    ask("GET", "/api/v1/runs?status=success&created_after=2026-01-01&limit=10&total=true")
    ask("GET", "/api/v1/runs/night-1")
    ask("GET", "/api/v1/runs/night-1/events")
    ask("GET", "/api/v1/runs/night-1/commit-url")
    ask("GET", "/api/v1/runs/night-1/repo-url")
    ask("GET", "/api/v1/metadata")
    ask("GET", "/metrics")
    ask("GET", "/health")


def pages(http: httpx.Client) -> None:
    """Read all runs, a page at a time: the Link header leads to the next one."""
    path: str | None = "/api/v1/runs?limit=1"
    while path:
        answer = http.get(path)
        print([run["event_id"] for run in answer.json()])
        path = answer.links["next"]["url"] if "next" in answer.links else None


def listen(http: httpx.Client) -> None:
    """Hear of one run that changes."""
    with http.stream("GET", "/api/v1/stream?agent_name=crawler") as answer:
        http.patch("/api/v1/runs/night-2", json={"status": "failed"})
        for line in answer.iter_lines():
            if line.startswith("data: "):
                print(json.loads(line.removeprefix("data: "))["status"])
                break


def main() -> None:
    with TemporaryDirectory() as folder:
        service = subprocess.Popen(  # noqa: S603 - our own command
            [TELEMETRY, "serve", "--port", "0", "--db", Path(folder, "runs.sqlite"), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert service.stdout
        with service, httpx.Client(base_url=json.loads(service.stdout.readline())["url"]) as http:

            def ask(method: str, path: str, body: Any = None) -> None:
                answer = http.request(method, path, json=body)
                print(method, path, "→", answer.status_code, answer.text[:100])

            write(ask)
            read(ask)
            pages(http)
            listen(http)
            service.terminate()


if __name__ == "__main__":
    main()

"""A service of its own, a run told to it over HTTP, and the question which runs failed."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

TELEMETRY = Path(sys.executable).with_name("telemetry")

with TemporaryDirectory() as folder:
    database = Path(folder, "runs.sqlite")
    service = subprocess.Popen(  # noqa: S603 - our own command
        [TELEMETRY, "serve", "--port", "0", "--db", database, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert service.stdout
    with service, httpx.Client(base_url=json.loads(service.stdout.readline())["url"]) as http:
        run = {"event_id": "e-1", "run_id": "nightly-1", "agent_name": "crawler"}
        run |= {"job_type": "nightly", "start_time": "2026-01-02T03:04:05Z", "status": "failure"}
        print(http.post("/api/v1/runs", json=run).json()["status"])
        failed = http.get("/api/v1/runs", params={"status": "failure"}).json()
        print([found["run_id"] for found in failed])
        service.terminate()  # finishes what it accepted

print(service.returncode)

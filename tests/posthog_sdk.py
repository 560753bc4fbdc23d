"""Records what the real PostHog SDK sends: `python -m tests.posthog_sdk` writes it down anew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthog import Posthog
from posthog.version import VERSION
from pytest_telemetry import PostHogServer

from tests.posthog_calls import CALLS, CHOSEN, MOMENT, OTHER

if TYPE_CHECKING:
    from pytest_telemetry import Request

SDK_INFO = "posthog-sdk-info"
HERE = Path(__file__).parent
RECORDED = HERE / "golden" / "posthog" / "sdk.json"
ABOUT = f"What posthog-python {VERSION} sends for each call in tests/posthog_calls.py."
MODES: dict[str, dict[str, Any]] = {
    "v0": {},
    "v0, gzip": {"gzip": True, "historical_migration": True},
    "v1": {"capture_mode": "v1"},
    "v1, gzip": {"capture_mode": "v1", "capture_compression": "gzip"},
}
KNOWN = {str(OTHER), CHOSEN, MOMENT.isoformat()}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OF_THE_MACHINE = {"$os", "$os_distro", "$os_version", "$python_runtime", "$python_version"}
CHANGING = {
    "lineno",
    "abs_path",
    "accept-encoding",
    "content-length",
    "host",
    "user-agent",
    SDK_INFO,
}


def recorded() -> dict[str, Any]:
    """Return the requests of every mode, and the events of every call, without what changes."""
    modes = {name: _request(_sent("capture", **mode)) for name, mode in MODES.items()}
    calls = {name: _events(_sent(name)) for name in CALLS}
    return {"about": ABOUT, "requests": modes, "events": calls}


def _sent(call: str, **options: Any) -> Request:
    server = PostHogServer()
    with server.serving() as url:
        client = Posthog("phc_key", host=url, **options)
        CALLS[call](client)
        client.shutdown()
    (request,) = server.requests
    return request


def _request(request: Request) -> dict[str, Any]:
    headers = {name: without_changes(name, text) for name, text in request.headers.items()}
    body = {name: without_changes(name, value) for name, value in request.json().items()}
    return {"target": request.target, "headers": headers, "body": body}


def _events(request: Request) -> list[Any]:
    events: list[Any] = without_changes("batch", request.json()["batch"])
    return events


def without_changes(name: str, value: Any) -> Any:
    """Return a value with a word in the place of all that another run has otherwise."""
    if name == "frames":
        value = [frame for frame in value if frame["module"] == "tests.posthog_calls"]
    if isinstance(value, dict):
        return {key: without_changes(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_changes("", one) for one in value]
    if name in CHANGING or name in OF_THE_MACHINE or value == VERSION:
        return "$any"
    if not isinstance(value, str) or value in KNOWN:
        return value
    if name == "filename":
        return value.removeprefix(f"{HERE.parent}{os.sep}")
    return "$time" if TIME.fullmatch(value) else "$uuid" if UUID.fullmatch(value) else value


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(recorded(), indent=1) + "\n", "utf-8")

"""Serves the fake until Ctrl-C: `python -m pytest_telemetry.servers.posthog --port 8010`."""

from __future__ import annotations

from pytest_telemetry.servers.by_hand import run
from pytest_telemetry.servers.posthog.server import PostHogServer

if __name__ == "__main__":
    run(PostHogServer())

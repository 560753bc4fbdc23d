"""A build that tells PostHog when it begins and ends, through the client of the package."""

import os
import tempfile

from pytest_telemetry import PostHogServer
from telemetry_posthog import capture, client, flush


@capture("build_begun", "build_ended", {"board": "rev-b"})
def build() -> None:
    client.capture("parts_picked", distinct_id="user-7", properties={"parts": 12})


server = PostHogServer()  # a program needs none, only its POSTHOG_API_KEY
with server.serving() as url:
    os.environ |= {"POSTHOG_API_KEY": "phc_example", "POSTHOG_HOST": url}
    os.environ |= {"TELEMETRY_BASE_DIR": tempfile.mkdtemp(), "TELEMETRY_TEST_MODE": "live"}
    client.disabled = False  # also in CI, where it is quiet otherwise
    build()
    print(bool(flush(30)))  # True

print(*(event["event"] for event in server.events))  # build_begun parts_picked build_ended

"""An event, an exception and a run, and what PostHog gets of them."""

import tempfile

from pytest_telemetry import HttpServer

from telemetry_core import TelemetryClient, TelemetryConfig


def config(host: str) -> TelemetryConfig:
    folder = tempfile.mkdtemp()
    return TelemetryConfig(
        active=["posthog"],
        base_dir=folder,
        plugins={"posthog": {"api_key": "phc_example", "host": host, "state_dir": folder}},
        test_mode="live",
    )


server = HttpServer()  # keeps what comes; a program needs no host, or that of its region
with server.serving() as url, TelemetryClient(config(url)) as client:
    client.capture("signed_up", "user-7", {"plan": "pro"})
    try:
        raise ValueError("no such plan")
    except ValueError as error:
        client.capture_exception(error, "user-7")
    with client.track_run("crawler", "nightly") as run:
        run.log_event("page_fetched", {"page": 1})
    print(bool(client.flush(30)))  # True

# signed_up, $exception, run_started, page_fetched, run_ended
print(*(event["event"] for body in server.received for event in body["batch"]), sep=", ")

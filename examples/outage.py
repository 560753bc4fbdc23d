"""A service that is away for a while: the program goes on, and everything arrives afterwards."""

import tempfile

from pytest_telemetry import RunsServer

from telemetry_core import TelemetryClient, TelemetryConfig


def config(url: str) -> TelemetryConfig:
    return TelemetryConfig(
        active=["http_api"],
        base_dir=tempfile.mkdtemp(),
        plugins={"http_api": {"url": url}},
        test_mode="live",
    )


service = RunsServer()
with service.serving() as url:
    service.down()
    with TelemetryClient(config(url)) as client:
        with client.track_run("crawler", "nightly") as run:
            run.log_event("page_fetched", {"page": 1})
        print(bool(client.flush(0.2)), len(service.runs))  # False 0
        service.up()
        print(bool(client.flush(30)), len(service.runs))  # True 1
print(service.run(run.run_id)["status"], len(service.events))  # success 1

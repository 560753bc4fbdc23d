"""Runs in a Google sheet, once each, also while Google does not answer.

The spreadsheet is a fake, so this runs anywhere. For a real one leave out `base_url`, and name your spreadsheet and
the key file of a service account with which it is shared.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_telemetry import SheetsServer

from telemetry_core import TelemetryClient, TelemetryConfig

google = SheetsServer()


def config(url: str, folder: str) -> TelemetryConfig:
    """Return what a telemetry.toml would say."""
    key = google.service_account(Path(folder, "service-account.json"))
    sheet = {
        "spreadsheet_id": google.spreadsheet_id,
        "credentials": {"file": str(key)},
        "columns": ["agent_name", "status", "metrics_json.pages"],
        "base_url": url,
    }
    return TelemetryConfig(base_dir=Path(folder), active=["sheets"], plugins={"sheets": sheet})


with TemporaryDirectory() as folder, google.serving() as url:
    with TelemetryClient(config(url, folder)) as client:
        with client.track_run("crawler", "nightly") as run:
            run.set_metrics(metrics_json={"pages": 3})
        print(bool(client.flush(30)), len(google.rows))  # True 1
        google.down()
        with client.track_run("crawler", "hourly") as run:
            run.set_metrics(metrics_json={"pages": 4})
        print(bool(client.flush(0.2)), len(google.rows))  # False 1
        google.up()
        print(bool(client.flush(30)), len(google.rows))  # True 2
    for row in google.rows:
        print(row["agent_name"], row["status"], row["metrics_json.pages"])

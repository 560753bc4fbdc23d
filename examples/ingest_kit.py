"""Commands and features of a program, told to an ingestion server in signed batches."""

import os
import tempfile

from pytest_telemetry import IngestServer
from telemetry_hmac_ingest import SyncConfig, TelemetryKit

folder = os.environ["TELEMETRY_BASE_DIR"] = tempfile.mkdtemp()
os.environ["TELEMETRY_TEST_MODE"] = "live"
server = IngestServer()  # a program has a real one, and the credentials its owner gave it
ours = server.credentials("acme", "crawler")


def sync_with(url: str) -> SyncConfig:
    return SyncConfig(
        endpoint=url,  # http://localhost:3000
        org_id=ours.org,
        app_id=ours.app,
        token=ours.token,
        secret=ours.secret,
    )


with (
    server.serving() as url,
    TelemetryKit("test-app", sync=sync_with(url), state_dir=folder) as telemetry,
):
    telemetry.track_command("build", subcommand="all", success=True, duration_ms=1200)
    telemetry.track_feature("cache", method="lru")
    telemetry.track("deployed", {"to": "staging"})
    print(bool(telemetry.sync()))  # True

# command_execution, feature_used, deployed
print(*(event["event"]["type"] for event in server.events), sep=", ")

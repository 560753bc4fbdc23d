"""Scans to RAXE: by a sink, which waits where a day is used up, and by hand.

The service is a fake, so this runs anywhere. For the real one leave out `endpoint`, and get a key with
`telemetry auth login`; without one a temporary key is made.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_telemetry import FakeClock, RaxeServer
from telemetry_raxe.credential_store import CredentialStore
from telemetry_raxe.telemetry_shipper import (
    DailyLimitExceededError,
    TelemetryShipper,
    TelemetryShipperConfig,
)

from telemetry_core import TelemetryClient, TelemetryConfig

SCAN = {"prompt_hash": f"sha256:{'0' * 64}", "threat_detected": True, "scan_duration_ms": 4}

clock = FakeClock()
raxe = RaxeServer(clock)


def config(endpoint: str, folder: str) -> TelemetryConfig:
    """Return what a telemetry.toml would say."""
    table = {"endpoint": endpoint, "credential_path": f"{folder}/credentials.json"}
    return TelemetryConfig(
        base_dir=Path(folder), active=["raxe"], plugins={"raxe": table}, test_mode="live"
    )


with TemporaryDirectory() as folder, raxe.serving() as url:
    endpoint = f"{url}/v1/telemetry"
    credentials = CredentialStore(Path(folder, "credentials.json"), clock=clock).get_or_create()
    account = raxe.accounts.add(credentials.api_key, "temporary")
    account.events_per_day = 1

    with TelemetryClient(config(endpoint, folder), clock=clock) as client:
        client.capture("scan", properties=SCAN)
        print(bool(client.flush(10)), len(raxe.events))  # True 1
        client.capture("scan", properties=SCAN)
        print(bool(client.flush(10)), len(raxe.events))  # False 1: the day is used up
    clock.advance(12 * 3600)  # it was noon
    with TelemetryClient(config(endpoint, folder), clock=clock) as client:
        client.capture("heartbeat", properties={"uptime_seconds": 1})  # it has to say more
        report = client.flush(10)
        print(bool(report), len(raxe.events))  # True 2
        print(report.sinks["raxe"].refused)  # 1: a dead letter, and its reason with it

    shipper = TelemetryShipper(TelemetryShipperConfig(endpoint), credentials, clock=clock)
    event = {"event_id": "evt_1", "event_type": "scan", "payload": SCAN}
    try:
        print(shipper.ship_batch([event]).accepted)
    except DailyLimitExceededError as error:
        print(error, error.reset_at)  # 1 events were sent today, … 1767398400
    print(shipper.check_health().tier, shipper.can_disable_telemetry())  # temporary False
    shipper.close()

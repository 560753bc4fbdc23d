"""How a package that records telemetry tests itself, with the fixtures of pytest-telemetry."""

import pytest
from pytest_telemetry import FakeClock, Recorder

import telemetry_core
from telemetry_core import Clock, TelemetryClient, TelemetryConfig


def import_orders(lines: list[str], clock: Clock) -> int:
    """Stand in for the package's own code: it records as it always does."""
    with telemetry_core.track_run("importer", "orders", items_discovered=len(lines)) as run:
        wrong = [line for line in lines if not line.isdigit()]
        for line in wrong:
            run.log_event("order_refused", {"line": line})
        clock.sleep(2.0)
        run.set_metrics(items_succeeded=len(lines) - len(wrong), items_failed=len(wrong))
        if len(wrong) == len(lines):
            raise ValueError("not one order could be read")
    return len(lines) - len(wrong)


def test_a_run_counts_what_was_imported(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder, telemetry_clock: FakeClock
) -> None:
    assert import_orders(["17", "4", "x"], telemetry_clock) == 2
    run = telemetry_recorder.assert_run("importer", status="success", items_succeeded=2)
    assert run.duration_ms == 2000


def test_each_refused_order_is_an_event(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder, telemetry_clock: FakeClock
) -> None:
    import_orders(["17", "x"], telemetry_clock)
    telemetry_recorder.assert_event("order_refused", line="x")
    telemetry_recorder.assert_no_event("order_refused", line="17")


def test_a_failure_ends_the_run_and_goes_on(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder, telemetry_clock: FakeClock
) -> None:
    with pytest.raises(ValueError, match="not one order"):
        import_orders(["x"], telemetry_clock)
    run = telemetry_recorder.assert_run("importer", status="failure")
    assert run.error_summary == "ValueError: not one order could be read"


@pytest.mark.telemetry(active=["ndjson"])
def test_the_lines_of_a_run_can_be_read_by_others(
    telemetry_client: TelemetryClient, telemetry_config: TelemetryConfig, telemetry_clock: FakeClock
) -> None:
    import_orders(["17"], telemetry_clock)
    assert telemetry_client.flush()
    (path,) = (telemetry_config.base_dir / "raw").glob("*.ndjson")
    assert '"items_succeeded":1' in path.read_text()

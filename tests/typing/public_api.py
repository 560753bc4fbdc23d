"""The public API as its users write it: type-checked by two checkers, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import attrs

import telemetry_core
from telemetry_core import (
    APIPayload,
    Batch,
    Circuit,
    ConfigError,
    DeliverySettings,
    FlushReport,
    Health,
    MemorySpool,
    Receipt,
    Rejection,
    RetryPolicy,
    RunContext,
    RunEvent,
    RunRecord,
    TelemetryClient,
    TelemetryConfig,
    TelemetryError,
    calculate_duration_ms,
    generate_run_id,
    get_iso8601_timestamp,
    hookimpl,
    load_config,
    merge_runs,
)


def the_module_speaks_for_a_default_client() -> None:
    with telemetry_core.track_run("crawler", "nightly", "scheduler", product="shop") as run:
        assert_type(run, RunContext)
        run.log_event("page_fetched", {"url": "https://example.org", "bytes": 12})
        run.set_metrics(items_discovered=3, metrics_json={"depth": 2})
    telemetry_core.capture("signed_up", "user-7", {"plan": "free"})
    telemetry_core.flush(2.0)
    assert_type(telemetry_core.set_client(TelemetryClient()), TelemetryClient | None)


def a_client_has_a_front_door_for_each_moment(base: Path) -> None:
    config = TelemetryConfig(base_dir=base, active=("sqlite",))
    client = TelemetryClient(config, plugins=[PrintListener(), ListSink(name="list")])
    run_id = client.start_run("crawler", "nightly", items_discovered=3)
    assert_type(run_id, str)
    client.log_event(run_id, "page_fetched", {"bytes": 12})
    client.end_run(run_id, "success", items_succeeded=3)
    done, message = client.associate_commit(run_id, "abc1234", "manual")
    assert_type(done, bool)
    assert_type(message, str)
    report = client.flush(timeout=2.0)
    assert_type(report, FlushReport)
    assert_type(report.pending, int)
    client.close()


def a_configuration_is_written_as_in_a_file() -> None:
    config = TelemetryConfig(active=["sqlite"], base_dir="store")
    assert_type(config.active, tuple[str, ...])
    assert_type(config.base_dir, Path)
    DeliverySettings(critical=["payment_*"])
    TelemetryConfig(base_dir=5)  # type: ignore[arg-type]


def the_figures_of_a_client(client: TelemetryClient) -> None:
    assert_type(client.config, TelemetryConfig | None)
    assert_type(client.get_run_id_metrics(), dict[str, Any])
    client.log_run_id_metrics()


def what_a_program_must_not_write(client: TelemetryClient) -> None:
    client.start_run()  # type: ignore[call-arg]
    client.log_event("id", 12)  # type: ignore[arg-type]
    client.end_run(status=1)  # type: ignore[call-arg, arg-type]
    telemetry_core.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def an_exception_is_captured(client: TelemetryClient) -> None:
    try:
        raise ValueError("no such page")
    except ValueError as error:
        client.capture_exception(error)


async def a_run_spans_coroutines(client: TelemetryClient) -> None:
    async with client.track_run("crawler", "nightly") as run:
        assert_type(run, RunContext)
        run.log_event("page_fetched")
    assert_type(await client.aflush(1.0), FlushReport)
    await client.aclose()


@telemetry_core.track_run("crawler", "nightly")
def fetch(url: str, *, tries: int = 3) -> bytes:
    return f"{url}{tries}".encode()


@telemetry_core.track_run("crawler", "nightly")
async def fetch_later(url: str) -> bytes:
    return url.encode()


async def a_decorated_function_keeps_its_signature() -> None:
    assert_type(fetch("https://example.org", tries=1), bytes)
    assert_type(await fetch_later("https://example.org"), bytes)
    fetch(12)  # type: ignore[arg-type]


class PrintListener:
    """A listener: any object with a hook implementation."""

    @hookimpl
    def on_start_run(self, run: RunRecord) -> None:
        assert_type(run.status, str)

    @hookimpl
    def on_event(self, event: RunEvent, run: RunRecord | None) -> None:
        assert_type(event.timestamp, str)

    @hookimpl
    def on_end_run(self, run: RunRecord) -> None:
        assert_type(run.ended, bool)


@attrs.define(eq=False)
class ListSink:
    """A sink: an attrs class whose fields are its settings."""

    name: str = "list"
    codes: tuple[str, ...] = ()
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt | None:
        refused = {
            record.id: Rejection("too_old", "older than a day") for record in batch if self.codes
        }
        return Receipt.of((record.id for record in batch if record.id not in refused), refused)

    @hookimpl
    def check_health(self) -> Health | None:
        return Health(ok=True, message="fine")


def records_can_be_made_read_and_merged() -> RunRecord:
    run = RunRecord(generate_run_id("crawler"), "crawler", "nightly")
    took = calculate_duration_ms(run.start_time, get_iso8601_timestamp())
    assert_type(took, int)
    assert_type(APIPayload.from_run_record(run), APIPayload)
    return merge_runs(run, RunRecord.from_dict(run.to_dict()))


def the_parts_of_delivery_are_there_for_others() -> None:
    assert_type(RetryPolicy(base=0.5, cap=60.0).delay(1), float)
    Circuit(telemetry_core.SystemClock(), failure_threshold=5)
    assert_type(MemorySpool().pending(), int)


def settings_are_loaded_or_explained() -> TelemetryConfig | None:
    try:
        return load_config(Path("telemetry.toml"))
    except ConfigError as error:
        assert_type(error, ConfigError)
    except TelemetryError:
        pass
    return None

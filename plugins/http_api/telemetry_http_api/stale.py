"""Ends runs that were left running, over HTTP: their program is gone, for all the service knows."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from attrs import evolve

from telemetry_core import (
    Kind,
    Lane,
    NotTakenError,
    Record,
    Secret,
    SystemClock,
    TelemetryError,
    calculate_duration_ms,
    derived_id,
    get_logger,
    hand_over,
    iso8601,
    json_text,
    normalize_status,
)
from telemetry_http_api.address import bearer, run_path
from telemetry_http_api.answers import ask, value_of
from telemetry_http_api.errors import APIError
from telemetry_http_api.filtering import RunFilter
from telemetry_http_api.listing import WITHIN, every_run
from telemetry_http_api.rows import run_of
from telemetry_http_api.sink import HttpApiSink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core import Clock, RunRecord

_log = get_logger("telemetry_core.http_api")

_MOST = 100_000
_HOUR_NS = 3_600 * 1_000_000_000
_RUNNING = "running"


def cleanup_stale_runs(
    api_url: str,
    agent_name: str | None,
    stale_threshold_hours: float = 1,
    status_to_check: str = _RUNNING,
    cleanup_status: str = "cancelled",
    auth_token: str | Secret | None = None,
    timeout: float = 30,
    *,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """End an agent's runs that were created so many hours ago and are still running.

    Returns `found`, `cleaned` and `failed` as numbers, `errors` as texts, and the `stale_runs` as
    they were found. Nothing is raised for a service that is down or refuses.
    """
    result: dict[str, Any] = {"found": 0, "cleaned": 0, "failed": 0, "errors": [], "stale_runs": []}
    try:
        token = None if auth_token is None else bearer(auth_token)
        sink = HttpApiSink(url=api_url, token=token, clock=clock or SystemClock())
        with closing(sink):
            before = sink.clock.time_ns() - round(stale_threshold_hours * _HOUR_NS)
            found = stale_runs(sink, iso8601(before), agent_name, status_to_check)
            result |= {"found": len(found), "stale_runs": found}
            result |= close_runs(sink, found, cleanup_status, timeout=timeout)
    except TelemetryError as error:
        result["errors"].append(str(error))
        _log.warning("stale runs could not be closed: %s", error)
    return result


def cleanup_on_startup(
    api_url: str = "http://localhost:8765",
    agent_name: str | None = None,
    stale_threshold_hours: float = 1,
    auth_token: str | Secret | None = None,
) -> bool:
    """End an agent's stale runs when it starts; tell whether nothing went wrong. Never raises."""
    if not agent_name:
        _log.error("cleanup_on_startup needs an agent_name: it ends the runs of one agent")
        return False
    result = cleanup_stale_runs(api_url, agent_name, stale_threshold_hours, auth_token=auth_token)
    _log.info("%s stale runs of %s found, %s ended", result["found"], agent_name, result["cleaned"])
    return not result["failed"] and not result["errors"]


def stale_runs(
    sink: HttpApiSink, before: str, agent_name: str | None = None, status: str = _RUNNING
) -> list[dict[str, Any]]:
    """Return the runs of a status that were created before a moment, the newest first."""
    which = RunFilter(agent_name=agent_name, status=status, created_before=before)
    channel = sink.channel()
    return [*every_run(channel, which, _MOST)]


def close_runs(
    sink: HttpApiSink,
    rows: Iterable[dict[str, Any]],
    status: str = "cancelled",
    *,
    timeout: float = 30,
) -> dict[str, Any]:
    """End runs as of now, and return `cleaned`, `failed` and the `errors`.

    Runs that have ended are given another status, which nothing undoes. Of the others the ends are inferred: one that the program says after all takes their place, and a run that
    somebody ends meanwhile keeps that end.
    """
    word = normalize_status(status)
    rows = list(rows)
    done = [row for row in rows if row["status"] != _RUNNING]
    ends = [_Ending(row, word, sink.clock) for row in rows if row["status"] == _RUNNING]
    errors = _overwrite(sink, done, word)
    cleaned = len(done) - len(errors)
    errors += [f"{end.event_id}: {end.problem}" for end in ends if end.problem]
    records = {end.record.id: end.event_id for end in ends if end.record is not None}
    try:
        waiting = [end.record for end in ends if end.record is not None]
        handed = hand_over(sink, waiting, patience=timeout, call=timeout)
    except NotTakenError as error:
        handed = error.handed
        errors.append(str(error))
    errors += [f"{records[key]}: {why.reason or why.code}" for key, why in handed.rejected.items()]
    cleaned += len(handed.delivered)
    return {"cleaned": cleaned, "failed": len(rows) - cleaned, "errors": errors}


def _overwrite(sink: HttpApiSink, rows: list[dict[str, Any]], status: str) -> list[str]:
    """Give runs that have ended another status, which only a patch does; return what failed."""
    errors = []
    body = json_text({"status": status}).encode()
    for row in rows:
        path = run_path(row["event_id"])
        try:
            value_of(ask(sink.channel(), "PATCH", path, body, within=WITHIN), row["event_id"])
        except APIError as error:
            errors.append(str(error))
    return errors


class _Ending:
    """The end of one run as a record, or what keeps it from being one."""

    def __init__(self, row: dict[str, Any], status: str, clock: Clock) -> None:
        self.event_id = row.get("event_id")
        self.record: Record | None = None
        self.problem = ""
        try:
            self.record = _ended(run_of(row), status, clock)
        except TelemetryError as error:
            self.problem = str(error)


def _ended(run: RunRecord, status: str, clock: Clock) -> Record:
    """Return the inferred end of a run."""
    now = clock.time_ns()
    end_time = iso8601(now)
    ended = evolve(
        run,
        status=status,
        inferred=True,
        end_time=end_time,
        duration_ms=_duration(run, end_time),
        error_summary=f"Stale run closed; it was created at {run.created_at}",
        output_summary=run.output_summary or f"Nobody ended this run; it was closed as {status}",
        updated_at=end_time,
        revision=run.revision + 1,
    )
    record_id = derived_id(run.event_id, f"stale {end_time}")
    return Record(record_id, Kind.END_RUN, 0, now, Lane.CRITICAL, ended)


def _duration(run: RunRecord, end_time: str) -> int:
    try:
        return calculate_duration_ms(run.start_time, end_time)
    except (ValueError, OverflowError):
        return run.duration_ms

"""The page for those who come from local-telemetry leaves nothing out, and names what exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from telemetry_core.cli.app import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coming-from-local-telemetry.md").read_text("utf-8")
SCRIPTS = """
    telemetry_service.py setup_storage.py setup_database.py validate_installation.py
    diagnose_pragma_settings.py check_db_integrity.py monitor_telemetry_health.py backup_database.py
    backup_telemetry_db.py sqlite_backup_helper.py verify_backup_integrity.py Send-BackupAlert.ps1
    recover_from_backup.py recover_database.py db_retention_policy.py db_retention_policy_batched.py
    migrate_add_insight_id.py migrate_v3_to_v4.py associate_commits.py sync_to_sheets_weekly.py
    db_archive_to_sheets.py telemetry_audit.sql dashboard.py measure_performance.py quality_gate.py
    Dockerfile docker-compose.yml
"""
IMPORTS = """
    TelemetryClient RunContext TelemetryConfig RunRecord RunEvent APIPayload SCHEMA_VERSION
    generate_run_id get_iso8601_timestamp calculate_duration_ms normalize_status HTTPAPIClient APIError
    APIUnavailableError APIValidationError cleanup_stale_runs cleanup_on_startup NDJSONWriter
    DatabaseWriter log_query log_update log_error track_duration TelemetryAPIConfig SingleWriterGuard
    BufferFile BufferSyncWorker GitDetector APIClient create_schema
"""
METHODS = """
    start_run end_run log_event track_run associate_commit get_stats get_run_id_metrics
    log_run_id_metrics set_metrics run_id
"""
OF_PROGRAMS = """
    TELEMETRY_DB_PATH TELEMETRY_BASE_DIR AGENT_METRICS_DIR TELEMETRY_NDJSON_DIR
    TELEMETRY_SKIP_VALIDATION TELEMETRY_API_URL METRICS_API_URL GOOGLE_SHEETS_API_URL
    GOOGLE_SHEETS_API_ENABLED METRICS_API_TOKEN METRICS_API_AUTH_REQUIRED METRICS_API_ENABLED
    TELEMETRY_RETRY_BACKOFF_FACTOR AGENT_OWNER TELEMETRY_TEST_MODE GOOGLE_SHEETS_API_TOKEN
    SHEETS_API_URL SHEETS_API_TOKEN SHEETS_SYNC_DAYS SHEETS_BATCH_SIZE SHEETS_DRY_RUN ARCHIVE_DAYS
    ARCHIVE_BATCH_SIZE ARCHIVE_DRY_RUN TEST_API_BASE_URL TEST_DB_PATH
"""
OF_THE_SERVICE = """
    TELEMETRY_API_PORT TELEMETRY_API_HOST TELEMETRY_API_WORKERS TELEMETRY_DB_PATH
    TELEMETRY_DB_JOURNAL_MODE TELEMETRY_DB_SYNCHRONOUS TELEMETRY_DB_BUSY_TIMEOUT_MS
    TELEMETRY_DB_CONNECT_TIMEOUT_SECONDS TELEMETRY_DB_MAX_RETRIES
    TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS TELEMETRY_LOCK_FILE TELEMETRY_BUFFER_DIR
    TELEMETRY_API_AUTH_ENABLED TELEMETRY_API_AUTH_TOKEN TELEMETRY_RATE_LIMIT_ENABLED
    TELEMETRY_RATE_LIMIT_RPM TELEMETRY_LOG_LEVEL LOG_LEVEL DATABASE_URL TELEMETRY_BUFFER_MAX_SIZE_MB
    TELEMETRY_BUFFER_MAX_AGE_HOURS TELEMETRY_SYNC_INTERVAL_SECONDS TELEMETRY_SYNC_BATCH_SIZE
    TELEMETRY_LEVEL TELEMETRY_SAMPLING_RATE TELEMETRY_MAX_PAYLOAD_BYTES TELEMETRY_RETENTION_DAYS
    TELEMETRY_DRY_RUN_CLEANUP
"""
TYPED = re.compile(r"`(telemetry (?!telemetry)[a-z].*?)`")
IMPORTED = re.compile(r"`from (telemetry_[\w.]+) import (\w+)`")


def _section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def _there(heading: str) -> str:
    """Return the first column of a table: what local-telemetry has."""
    lines = [line for line in _section(heading).splitlines() if line.startswith("| `")]
    return "\n".join(line.split(" | ")[0] for line in lines)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Scripts", SCRIPTS),
        ("Imports", IMPORTS),
        ("Variables of programs", OF_PROGRAMS),
        ("Variables of the service", OF_THE_SERVICE),
    ],
)
def test_everything_they_have_stands_beside_what_we_have(heading: str, names: str) -> None:
    there = _there(heading)
    assert [name for name in names.split() if not re.search(rf"\b{re.escape(name)}`", there)] == []


def test_every_line_says_what_is_here() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not row.split(" | ", 1)[1].strip(" |")] == []


@pytest.mark.parametrize(("module", "name"), sorted(set(IMPORTED.findall(PAGE))))
def test_what_is_imported_instead_is_there(module: str, name: str) -> None:
    assert getattr(import_module(module), name)


def test_the_methods_of_the_client_are_there() -> None:
    from telemetry_core import RunContext, TelemetryClient

    named = _section("Imports").rpartition("The methods")[2]
    there = {*dir(TelemetryClient), *dir(RunContext)}
    assert [name for name in METHODS.split() if f"`{name}`" not in named] == []
    assert {*METHODS.split()} - there <= {"run_id"}  # an attribute, not of the class


def _typed() -> Iterator[str]:
    """Give every command that the page tells people to type, in text and in blocks."""
    yield from TYPED.findall(PAGE)
    for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            _, begin, rest = line.partition("telemetry ")
            if begin and not line.startswith("cp "):
                yield begin + rest


@pytest.mark.parametrize("typed", sorted(set(_typed())))
def test_a_command_that_it_names_exists_with_its_options(typed: str) -> None:
    _, *words = typed.split()
    command: click.Command = telemetry
    context = click.Context(command)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words.pop(0))
        assert found is not None, typed
        command, context = found, click.Context(found, context)
    known = {option for each in command.get_params(context) for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= known

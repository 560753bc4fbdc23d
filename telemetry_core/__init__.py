"""The public names, each imported at its first use, so that importing the package costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core.api_payload import APIPayload as APIPayload
    from telemetry_core.client import TelemetryClient as TelemetryClient
    from telemetry_core.clock import Bell as Bell
    from telemetry_core.clock import Clock as Clock
    from telemetry_core.clock import SystemClock as SystemClock
    from telemetry_core.clock import calculate_duration_ms as calculate_duration_ms
    from telemetry_core.clock import get_iso8601_timestamp as get_iso8601_timestamp
    from telemetry_core.clock import iso8601 as iso8601
    from telemetry_core.clock import parse_iso8601 as parse_iso8601
    from telemetry_core.codec import decode_record as decode_record
    from telemetry_core.codec import encode_record as encode_record
    from telemetry_core.config import DeliverySettings as DeliverySettings
    from telemetry_core.config import PrivacySettings as PrivacySettings
    from telemetry_core.config import TelemetryConfig as TelemetryConfig
    from telemetry_core.config import load_config as load_config
    from telemetry_core.credentials import Environment as Environment
    from telemetry_core.credentials import Secret as Secret
    from telemetry_core.default import associate_commit as associate_commit
    from telemetry_core.default import capture as capture
    from telemetry_core.default import capture_exception as capture_exception
    from telemetry_core.default import close as close
    from telemetry_core.default import end_run as end_run
    from telemetry_core.default import flush as flush
    from telemetry_core.default import get_client as get_client
    from telemetry_core.default import get_stats as get_stats
    from telemetry_core.default import health as health
    from telemetry_core.default import log_event as log_event
    from telemetry_core.default import set_client as set_client
    from telemetry_core.default import start_run as start_run
    from telemetry_core.default import track_run as track_run
    from telemetry_core.delivery.circuit import Circuit as Circuit
    from telemetry_core.delivery.memory_spool import MemorySpool as MemorySpool
    from telemetry_core.delivery.report import ClientHealth as ClientHealth
    from telemetry_core.delivery.report import FlushReport as FlushReport
    from telemetry_core.delivery.report import SinkHealth as SinkHealth
    from telemetry_core.delivery.report import SinkReport as SinkReport
    from telemetry_core.delivery.retry import RetryPolicy as RetryPolicy
    from telemetry_core.errors import ConfigError as ConfigError
    from telemetry_core.errors import CredentialError as CredentialError
    from telemetry_core.errors import InvalidRecordError as InvalidRecordError
    from telemetry_core.errors import PluginError as PluginError
    from telemetry_core.errors import PluginNotFoundError as PluginNotFoundError
    from telemetry_core.errors import SpoolError as SpoolError
    from telemetry_core.errors import TelemetryError as TelemetryError
    from telemetry_core.errors import UnknownStatusError as UnknownStatusError
    from telemetry_core.figures import HOUR as HOUR
    from telemetry_core.figures import CountedRun as CountedRun
    from telemetry_core.figures import figures_of as figures_of
    from telemetry_core.files import create_file as create_file
    from telemetry_core.files import make_private_file as make_private_file
    from telemetry_core.files import replace_file as replace_file
    from telemetry_core.files import set_aside as set_aside
    from telemetry_core.files import sync_directory as sync_directory
    from telemetry_core.files import sync_path as sync_path
    from telemetry_core.handing import Handed as Handed
    from telemetry_core.handing import NotTakenError as NotTakenError
    from telemetry_core.handing import hand_over as hand_over
    from telemetry_core.hookspecs import NAME as NAME
    from telemetry_core.hookspecs import hookimpl as hookimpl
    from telemetry_core.hookspecs import hookspec as hookspec
    from telemetry_core.ids import IdSource as IdSource
    from telemetry_core.ids import derived_id as derived_id
    from telemetry_core.ids import format_run_id as format_run_id
    from telemetry_core.installation import installation_id as installation_id
    from telemetry_core.installation import reset_installation_id as reset_installation_id
    from telemetry_core.locking import is_the_file_at as is_the_file_at
    from telemetry_core.locking import try_lock as try_lock
    from telemetry_core.locking import unlock as unlock
    from telemetry_core.logs import get_logger as get_logger
    from telemetry_core.merging import merge_runs as merge_runs
    from telemetry_core.models import COUNT_FIELDS as COUNT_FIELDS
    from telemetry_core.models import JSON_FIELDS as JSON_FIELDS
    from telemetry_core.models import NEVER_NULL_FIELDS as NEVER_NULL_FIELDS
    from telemetry_core.models import RUN_FIELDS as RUN_FIELDS
    from telemetry_core.models import SCHEMA_VERSION as SCHEMA_VERSION
    from telemetry_core.models import TIME_FIELDS as TIME_FIELDS
    from telemetry_core.models import RunEvent as RunEvent
    from telemetry_core.models import RunRecord as RunRecord
    from telemetry_core.models import generate_run_id as generate_run_id
    from telemetry_core.models import identified as identified
    from telemetry_core.models import normalize_status as normalize_status
    from telemetry_core.plain import json_object as json_object
    from telemetry_core.plain import json_text as json_text
    from telemetry_core.plain import tolerant as tolerant
    from telemetry_core.privacy import Redactor as Redactor
    from telemetry_core.records import Batch as Batch
    from telemetry_core.records import Finding as Finding
    from telemetry_core.records import Health as Health
    from telemetry_core.records import Kind as Kind
    from telemetry_core.records import Lane as Lane
    from telemetry_core.records import Level as Level
    from telemetry_core.records import Receipt as Receipt
    from telemetry_core.records import Record as Record
    from telemetry_core.records import Rejection as Rejection
    from telemetry_core.run_context import RunContext as RunContext
    from telemetry_core.run_context import current_run as current_run
    from telemetry_core.run_filter import RunFilter as RunFilter

__version__ = "0.1.0"

_HOMES = {
    "api_payload": "APIPayload",
    "client": "TelemetryClient",
    "clock": "Bell Clock SystemClock calculate_duration_ms get_iso8601_timestamp iso8601 parse_iso8601",
    "codec": "decode_record encode_record",
    "config": "DeliverySettings PrivacySettings TelemetryConfig load_config",
    "credentials": "Environment Secret",
    "default": (
        "associate_commit capture capture_exception close end_run flush get_client get_stats"
        " health log_event set_client start_run track_run"
    ),
    "delivery.circuit": "Circuit",
    "delivery.memory_spool": "MemorySpool",
    "delivery.report": "ClientHealth FlushReport SinkHealth SinkReport",
    "delivery.retry": "RetryPolicy",
    "errors": (
        "ConfigError CredentialError InvalidRecordError PluginError PluginNotFoundError"
        " SpoolError TelemetryError UnknownStatusError"
    ),
    "figures": "HOUR CountedRun figures_of",
    "files": "create_file make_private_file replace_file set_aside sync_directory sync_path",
    "handing": "Handed NotTakenError hand_over",
    "hookspecs": "NAME hookimpl hookspec",
    "ids": "IdSource derived_id format_run_id",
    "installation": "installation_id reset_installation_id",
    "locking": "is_the_file_at try_lock unlock",
    "logs": "get_logger",
    "merging": "merge_runs",
    "models": (
        "COUNT_FIELDS JSON_FIELDS NEVER_NULL_FIELDS RUN_FIELDS SCHEMA_VERSION TIME_FIELDS"
        " RunEvent RunRecord generate_run_id identified normalize_status"
    ),
    "plain": "json_object json_text tolerant",
    "privacy": "Redactor",
    "records": "Batch Finding Health Kind Lane Level Receipt Record Rejection",
    "run_context": "RunContext current_run",
    "run_filter": "RunFilter",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # a checker is to find misspelt names

    def __getattr__(name: str) -> object:
        """Import a public name at its first use, and with it all others of its module.

        So the functions of the default client speak to one client, also where a test tool has
        made Python forget the module in between.
        """
        home = _PUBLIC.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f"{__name__}.{home}")
        globals().update({each: getattr(module, each) for each in _HOMES[home].split()})
        return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)

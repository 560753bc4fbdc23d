"""What speaks to RAXE, each name imported at its first use.

The modules `credential_store`, `health_client` and `telemetry_shipper` have the names that RAXE's
documents give. An `AuthenticationError` is in two of them, so errors are imported from there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_raxe.addresses import AddressError as AddressError
    from telemetry_raxe.credential_store import CredentialStore as CredentialStore
    from telemetry_raxe.credentials import Credentials as Credentials
    from telemetry_raxe.dual_queue import DualQueue as DualQueue
    from telemetry_raxe.health_client import HealthResponse as HealthResponse
    from telemetry_raxe.health_client import TrialStatus as TrialStatus
    from telemetry_raxe.health_client import check_health as check_health
    from telemetry_raxe.health_client import check_health_async as check_health_async
    from telemetry_raxe.shipper_config import TelemetryShipperConfig as TelemetryShipperConfig
    from telemetry_raxe.sink import RaxeSink as RaxeSink
    from telemetry_raxe.telemetry_shipper import TelemetryShipper as TelemetryShipper

_HOMES = {
    "AddressError": "addresses",
    "CredentialStore": "credential_store",
    "Credentials": "credentials",
    "DualQueue": "dual_queue",
    "HealthResponse": "health_client",
    "RaxeSink": "sink",
    "TelemetryShipper": "telemetry_shipper",
    "TelemetryShipperConfig": "shipper_config",
    "TrialStatus": "health_client",
    "check_health": "health_client",
    "check_health_async": "health_client",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

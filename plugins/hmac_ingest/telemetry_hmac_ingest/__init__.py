"""The hmac_ingest sink, the client that speaks through it, and what signs, each at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_hmac_ingest.address import AddressError as AddressError
    from telemetry_hmac_ingest.kit import SyncConfig as SyncConfig
    from telemetry_hmac_ingest.kit import TelemetryKit as TelemetryKit
    from telemetry_hmac_ingest.signature import is_nonce as is_nonce
    from telemetry_hmac_ingest.signature import is_signed as is_signed
    from telemetry_hmac_ingest.signature import is_signed_legacy as is_signed_legacy
    from telemetry_hmac_ingest.signature import seconds_of as seconds_of
    from telemetry_hmac_ingest.signature import sign as sign
    from telemetry_hmac_ingest.signature import sign_legacy as sign_legacy
    from telemetry_hmac_ingest.signature import verify as verify
    from telemetry_hmac_ingest.sink import HmacIngestSink as HmacIngestSink

_HOMES = {
    "AddressError": "address",
    "HmacIngestSink": "sink",
    "SyncConfig": "kit",
    "TelemetryKit": "kit",
    "is_nonce": "signature",
    "is_signed": "signature",
    "is_signed_legacy": "signature",
    "seconds_of": "signature",
    "sign": "signature",
    "sign_legacy": "signature",
    "verify": "signature",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

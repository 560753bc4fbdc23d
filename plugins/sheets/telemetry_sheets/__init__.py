"""The sheets sink and the client that posts single runs, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core import APIPayload as APIPayload
    from telemetry_sheets.client import APIClient as APIClient
    from telemetry_sheets.errors import AddressError as AddressError
    from telemetry_sheets.sink import SheetsSink as SheetsSink

_HOMES = {
    "APIClient": "telemetry_sheets.client",
    "APIPayload": "telemetry_core",
    "AddressError": "telemetry_sheets.errors",
    "SheetsSink": "telemetry_sheets.sink",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""What speaks to RAXE, each name imported at its first use.

The modules `credential_store`, `health_client` and `telemetry_shipper` have the names that RAXE's
documents give; an `AuthenticationError` is in two of them, so that errors stay where they are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_raxe.addresses import AddressError as AddressError

_HOMES = {
    "AddressError": "addresses",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

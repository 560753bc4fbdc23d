"""The posthog sink and what goes with it, each name imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_posthog.address import AddressError as AddressError
    from telemetry_posthog.sink import PostHogSink as PostHogSink
    from telemetry_posthog.values import plain as plain

_HOMES = {
    "AddressError": "address",
    "PostHogSink": "sink",
    "plain": "values",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

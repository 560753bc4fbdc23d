"""Which two addresses a shipper uses: where events go, and where the key is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telemetry_raxe.addresses import (
    API,
    HEALTH_PATH,
    TELEMETRY_PATH,
    health_url,
    telemetry_url,
    trusted,
)

if TYPE_CHECKING:
    from telemetry_core import Environment


def endpoints(telemetry: str, health: str, environ: Environment) -> tuple[str, str]:
    """Return both addresses, checked; raises `AddressError` for one that no key may go to.

    Where only the first was chosen the second is beside it: a key that is meant for one service is
    not shown to another.
    """
    url = _telemetry(telemetry, environ)
    if health not in {"", API, API + HEALTH_PATH}:
        return url, health_url(health, environ)
    if environ.text("RAXE_HEALTH_ENDPOINT"):
        return url, health_url(API, environ)
    return url, url.removesuffix("/").removesuffix(TELEMETRY_PATH) + HEALTH_PATH


def _telemetry(url: str, environ: Environment) -> str:
    """Return an address with a path as it is, and the one of events below a root."""
    if url in {"", API + TELEMETRY_PATH}:
        return telemetry_url(API, environ)
    checked = trusted(url)
    return checked if urlsplit(checked).path else telemetry_url(checked, environ)

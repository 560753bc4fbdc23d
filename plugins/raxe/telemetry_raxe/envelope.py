"""The body of a request: events, whose they are, and what was used to pack them."""

from __future__ import annotations

import gzip
import re
import secrets
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from telemetry_raxe.keys import key_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telemetry_raxe.credentials import Credentials
    from telemetry_raxe.events import Ready

SCHEMA_VERSION = "0.0.1"
NAME = "telemetry-raxe"

_INSTALLATION = re.compile(r"inst_[A-Za-z0-9]+")
_NOBODY = "inst_unknown"
_NO_VERSION = "0.0.0"


class Body(NamedTuple):
    """What is sent, how it is packed, and how large it was before."""

    content: bytes
    encoding: str | None
    unpacked: int


def new_batch_id() -> str:
    """Return the id of a batch, which stays with it through the attempts of one call."""
    return f"batch_{secrets.token_hex(16)}"


def body_of(
    events: Sequence[Ready],
    *,
    batch_id: str,
    sent_at: str,
    credentials: Credentials | None,
    packed: bool,
    queue_stats: Mapping[str, int] | None = None,
) -> Body:
    """Return the body that brings some events.

    :param credentials: whose installation it is; without any it is unknown.
    :param queue_stats: how much waits behind these, where that is known.
    """
    envelope: dict[str, Any] = {
        "batch_id": batch_id,
        "schema_version": SCHEMA_VERSION,
        "client_version": _client_version(),
        "installation_id": _installation(credentials),
        "sent_at": sent_at,
        "event_count": len(events),
        "compression": "gzip" if packed else "none",
        "events": [msgspec.Raw(event.content) for event in events],
    }
    if credentials is not None:
        envelope["client_api_key_id"] = key_id(credentials.api_key)
    if queue_stats is not None:
        envelope["queue_stats"] = dict(queue_stats)
    content = msgspec.json.encode(envelope)
    if not packed:
        return Body(content, None, len(content))
    return Body(gzip.compress(content, 1), "gzip", len(content))


def _installation(credentials: Credentials | None) -> str:
    text = credentials.installation_id if credentials else ""
    return text if _INSTALLATION.fullmatch(text) else _NOBODY


@cache
def _client_version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:
        return _NO_VERSION

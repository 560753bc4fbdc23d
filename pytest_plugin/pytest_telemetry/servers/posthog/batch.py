"""What one request brings: its events as they are kept, and what it says of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    from typing import TypeAlias

    Event: TypeAlias = dict[str, Any]

_MIB = 1024 * 1024


@define(frozen=True)
class Batch:
    """The events that one request brought, those included that were there already.

    :ivar path: where it was sent to, without a slash at its end.
    :ivar sent_at: when, by the sender's clock.
    """

    path: str
    key: str
    events: tuple[Event, ...]
    sent_at: str | None = None
    historical_migration: bool = False


@define
class Limits:
    """The most bytes that are taken, unpacked.

    :ivar ai_event: of an event on the route for those of AIs.
    :ivar single: of a body on the routes for single events.
    """

    event: int = _MIB
    ai_event: int = 8 * _MIB
    batch: int = 20 * _MIB
    single: int = 2 * _MIB

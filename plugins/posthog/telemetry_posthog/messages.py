"""Says a record as an event of PostHog; what is the same for all of them is computed once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from telemetry_core import (
    Kind,
    RunEvent,
    RunRecord,
    derived_id,
    iso8601,
    parse_iso8601,
)
from telemetry_posthog.exceptions import exception_properties, is_described, was_handled
from telemetry_posthog.surroundings import library, system
from telemetry_posthog.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Record

EXCEPTION = "$exception"
STARTED, ENDED = "run_started", "run_ended"

_OF_PERSONS = frozenset({"$set", "$set_once", "$identify", "$create_alias", "$groupidentify"})
_AT_ROOT = ("$set", "$set_once")
_is_canonical = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_RUN_EVENTS = {Kind.START_RUN: STARTED, Kind.END_RUN: ENDED}
_OF_OUR_STORES = frozenset(
    {"api_posted", "api_posted_at", "api_retry_count", "revision", "schema_version", "record_type"}
)


class Messages:
    """Makes events of records.

    :param installation: who it is where nobody says.
    :param groups: the groups that each event belongs to, unless it says otherwise.
    :param extra: what every event has, whatever it says itself.
    :param release: the `$release_id` of events that name none.
    """

    def __init__(
        self,
        installation: str,
        *,
        groups: Mapping[str, str],
        extra: Mapping[str, Any],
        release: str | None,
    ) -> None:
        self._installation = installation
        self._groups = dict(groups)
        self._missing = {"$release_id": release} if release else {}
        self._bare = {**library(), **plain(dict(extra)), "$is_server": True}
        self._standing = {**system(), **self._bare}

    def of(self, record: Record) -> dict[str, Any] | None:
        """Return the event that a record is; nothing for one that changes a run meanwhile."""
        body = record.body
        if isinstance(body, RunEvent):
            return self._event(body)
        name = _RUN_EVENTS.get(record.kind)
        return None if name is None else self.of_run(body, name, record.time_ns)

    def of_run(self, run: RunRecord, name: str, otherwise_ns: int) -> dict[str, Any]:
        """Return the start or the end of a run as an event, whose id is the same each time.

        :param otherwise_ns: when it happened, where the run's own word cannot be read.
        """
        said = run.start_time if name == STARTED else run.end_time
        fields = run.to_dict().items()
        own = {key: item for key, item in fields if item is not None and key not in _OF_OUR_STORES}
        return self._message(
            name,
            None,
            _moment(said, otherwise_ns),
            derived_id(run.event_id, f"posthog {name}"),
            own,
        )

    def _event(self, event: RunEvent) -> dict[str, Any]:
        payload = event.payload
        own = payload if type(payload) is dict else {} if payload is None else {"payload": payload}
        if event.run_id is not None:
            own = {"run_id": event.run_id, **own}
        if event.context:
            own = {**event.context, "$context_tags": [*event.context], **own}
        name = event.event_type
        if name == "exception":
            name, own = EXCEPTION, self._exception(own, event.distinct_id)
        uuid = _uuid(event.event_id)
        return self._message(name, event.distinct_id, event.timestamp, uuid, own)

    def _message(
        self, name: str, distinct_id: str | None, timestamp: str, uuid: str, own: dict[str, Any]
    ) -> dict[str, Any]:
        standing = self._bare if name in _OF_PERSONS else self._standing
        properties = {**self._missing, **own, **standing}
        if self._groups:
            properties["$groups"] = {**self._groups, **_mapping(own.get("$groups"))}
        if not distinct_id:
            distinct_id = self._installation
            properties["$process_person_profile"] = False
        message = {
            "event": name,
            "distinct_id": distinct_id,
            "timestamp": timestamp,
            "uuid": uuid,
            "properties": properties,
        }
        if name in _AT_ROOT and type(own.get(name)) is dict:
            message[name] = properties.pop(name)
        return message

    def _exception(self, own: dict[str, Any], distinct_id: str | None) -> dict[str, Any]:
        """Return the properties of an exception, of which the caller's own win."""
        described: Any = own.get("exception")
        if not is_described(described):
            return own
        person = distinct_id or self._installation
        handled = was_handled(own)
        rest = {name: value for name, value in own.items() if name != "exception"}
        return exception_properties(described, person, handled=handled) | rest


def _uuid(event_id: str) -> str:
    """Return an event's id, or for one that PostHog would not take, the one derived from it."""
    if _is_canonical(event_id):
        return event_id
    try:
        return str(UUID(event_id))
    except ValueError:
        return derived_id(event_id, "posthog event")


def _moment(said: str | None, otherwise_ns: int) -> str:
    try:
        return iso8601(parse_iso8601(said or ""))
    except (ValueError, OverflowError):
        return iso8601(otherwise_ns)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

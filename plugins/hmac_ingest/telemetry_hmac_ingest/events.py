"""Says a record as an event of the protocol; what is the same for all of them is computed once."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from telemetry_core import Kind, RunEvent, RunRecord, derived_id, iso8601, parse_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core import Record

SCHEMA = "1.0.0"
COMMAND, FEATURE, EXCEPTION = "command_execution", "feature_used", "exception"
STARTED, ENDED = "run_started", "run_ended"
CLIENT = "client_"

_CATEGORIES = {
    COMMAND: "usage",
    FEATURE: "library",
    EXCEPTION: "error",
    STARTED: "run",
    ENDED: "run",
}
_RUN_EVENTS = {Kind.START_RUN: STARTED, Kind.END_RUN: ENDED}
_OF_OUR_STORES = frozenset(
    {"api_posted", "api_posted_at", "api_retry_count", "revision", "schema_version", "record_type"}
)
_ALREADY = re.compile(CLIENT + r"[0-9A-Za-z_-]{1,200}")
_CANONICAL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# An id of the core's ends with what was drawn for the process that made it, in its last group.
_DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-(?P<process>[0-9a-f]{12})")


class Events:
    """Makes events of records.

    :param service: what the program is, as each event says it.
    :param environment: where it runs, likewise.
    :param installation: who it is where nobody says; never sent as it is.
    """

    def __init__(
        self, service: Mapping[str, str], environment: Mapping[str, Any], installation: str
    ) -> None:
        self._salt = service["name"]
        self._user = self.user_id(installation)
        self._session = _session(uuid4().hex)
        self._standing = {"service": dict(service), "environment": dict(environment)}

    def of(self, record: Record) -> dict[str, Any] | None:
        """Return the event that a record is; nothing for one that changes a run meanwhile."""
        body = record.body
        if isinstance(body, RunEvent):
            return self._event(body)
        name = _RUN_EVENTS.get(record.kind)
        return None if name is None else self._of_run(body, name, record.time_ns)

    def user_id(self, person: str) -> str:
        """Return how the servers know a person: another one in each service.

        Who has been given an id of this form already keeps it.
        """
        if _ALREADY.fullmatch(person):
            return person
        salted = f"{self._salt}\0{person}".encode("utf-8", "backslashreplace")
        return CLIENT + hashlib.sha256(salted).hexdigest()

    def _event(self, event: RunEvent) -> dict[str, Any]:
        payload = event.payload
        own = payload if type(payload) is dict else {} if payload is None else {"payload": payload}
        if event.run_id is not None:
            own = {"run_id": event.run_id, **own}
        if event.context:
            own = {**event.context, **own}
        person = self.user_id(event.distinct_id) if event.distinct_id else self._user
        return self._said(event.event_id, event.timestamp, person, event.event_type, own)

    def _of_run(self, run: RunRecord, name: str, otherwise_ns: int) -> dict[str, Any]:
        """Return the start or the end of a run as an event, whose id is the same each time."""
        fields = run.to_dict().items()
        own = {key: item for key, item in fields if item is not None and key not in _OF_OUR_STORES}
        moment = _moment(run.start_time if name == STARTED else run.end_time, otherwise_ns)
        said = self._said(run.event_id, moment, self._user, name, own)
        return {**said, "event_id": derived_id(run.event_id, f"hmac_ingest {name}")}

    def _said(
        self, id: str, timestamp: str, person: str, name: str, data: Mapping[str, Any]
    ) -> dict[str, Any]:
        told: dict[str, Any] = {"type": name, "data": data}
        if category := _CATEGORIES.get(name):
            told["category"] = category
        return {
            "schema_version": SCHEMA,
            "event_id": _uuid(id),
            "timestamp": timestamp,
            **self._standing,
            "user_id": person,
            "session_id": self._session_of(id),
            "event": told,
        }

    def _session_of(self, id: str) -> str:
        """Return the session of the process that recorded something, whoever delivers it.

        What has an id of another make belongs to this process.
        """
        drawn = _DRAWN.fullmatch(id)
        return _session(drawn["process"]) if drawn else self._session


@lru_cache(maxsize=64)  # records of a batch mostly come from one process
def _session(process: str) -> str:
    return f"sess_{derived_id(process, 'hmac_ingest session').replace('-', '')}"


def _uuid(id: str) -> str:
    """Return an id as servers want it, or for one that is no UUID the one derived from it."""
    if _CANONICAL_ID.fullmatch(id):
        return id
    try:
        return str(UUID(id))
    except ValueError:
        return derived_id(id, "hmac_ingest event")


def _moment(said: str | None, otherwise_ns: int) -> str:
    try:
        return iso8601(parse_iso8601(said or ""))
    except (ValueError, OverflowError):
        return iso8601(otherwise_ns)

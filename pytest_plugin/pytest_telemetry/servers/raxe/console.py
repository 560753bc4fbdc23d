"""The console, as far as a command line asks it: signs a client in, links it, looks an event up."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pytest_telemetry.servers.messages import Response
from pytest_telemetry.servers.raxe.accounts import key_id_of
from pytest_telemetry.servers.raxe.answers import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.times import ServiceTime

_SESSION = "/api/cli/session"
_LINK = "/api/cli/link"
_CONNECT = re.compile(r"/connect/(?P<id>\w+)")
_POLL = re.compile(rf"{_SESSION}/(?P<id>\w+)")
_LIFETIME = 300


@define
class Session:
    """A client that waits for its owner to sign in."""

    temp_key_id: str
    until: float
    key: str = ""


@define
class Console:
    """Gives keys to clients whose owners have an account.

    :ivar key: the one that a client gets.
    :ivar codes: what an owner reads there and types into a client, with the key that it is for.
    :ivar sessions: the clients that wait or waited.
    """

    key: str
    codes: dict[str, str]
    _time: ServiceTime
    _scans_of: Callable[[str], int]
    sessions: dict[str, Session] = field(factory=dict)
    _numbers: count[int] = field(factory=lambda: count(1))

    def approve(self, id: str | None = None) -> None:
        """Sign in as the owner of a client, of the latest one without an id."""
        session = self.sessions[id] if id is not None else list(self.sessions.values())[-1]
        session.key = self.key

    def answer(self, request: Request, origin: str) -> Response | None:
        """Return what the console says to a request; nothing when it is none for it."""
        path = request.path.rstrip("/")
        match request.method:
            case "POST" if path == _SESSION:
                return self._begun(_body(request), origin)
            case "POST" if path == _LINK:
                return self._linked(_body(request))
            case "GET" if found := _POLL.fullmatch(path):
                return self._told(found["id"])
            case "GET" if (found := _CONNECT.fullmatch(path)) and found["id"] in self.sessions:
                self.approve(found["id"])
                return Response(200, {"content-type": "text/plain"}, b"The client is signed in.\n")
        return None

    def _begun(self, body: Mapping[str, Any], origin: str) -> Response:
        number = f"session{next(self._numbers)}"
        key_id = str(body.get("temp_key_id") or "")
        self.sessions[number] = Session(key_id, self._time.seconds() + _LIFETIME)
        page, scans = f"{origin}/connect/{number}", self._scans_of(key_id)
        return _success(session_id=number, connect_url=page, scan_count=scans)

    def _told(self, id: str) -> Response:
        session = self.sessions.get(id)
        if session is None:
            return Response.json({"success": False, "error": "Session not found"}, 404)
        if session.key:
            scans = self._scans_of(session.temp_key_id)
            more = {"linked_scans": scans, "user_email": "somebody@example.com"}
            return _success(status="completed", api_key=session.key, **more)
        return _success(status="pending" if self._time.seconds() < session.until else "expired")

    def _linked(self, body: Mapping[str, Any]) -> Response:
        key = self.codes.get(str(body.get("code")))
        if key is None:
            error = {"code": "INVALID_CODE", "message": "Invalid or expired link code"}
            return Response.json({"success": False, "error": error}, 400)
        scans = self._scans_of(str(body.get("temp_key_id")))
        return _success(success=True, api_key=key, key_id=key_id_of(key), events_count=scans)


def _body(request: Request) -> Mapping[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise Refused(400, "the body is no object")
    return body


def _success(**data: Any) -> Response:
    return Response.json({"success": True, "data": data})

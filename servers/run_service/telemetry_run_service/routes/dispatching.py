"""Finds the route of a request and asks everything in the documented order before it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from telemetry_run_service.answers.answer import Answer, problem
from telemetry_run_service.answers.problems import (
    RefusedError,
    problems_of,
    unavailable,
    unprocessable,
)
from telemetry_run_service.errors import TROUBLE
from telemetry_run_service.requests.parsing import InvalidError
from telemetry_run_service.routes.route import Access

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from telemetry_run_service.requests.parsing import Body
    from telemetry_run_service.routes.route import Route
    from telemetry_run_service.security.gate import Gate

_AT_ONCE = 65_536  # bytes; a larger body is read beside the event loop
_KEPT_EMPTY = frozenset({"limit", "offset"})  # where an empty text is a mistake, not "no filter"

Segments = tuple[str | None, ...]


class Dispatcher:
    """Pure ASGI application: our routes, matched by the path as it was sent.

    An id may have anything in it: a slash comes as `%2F`, and is none that parts the path.
    FastAPI describes the same routes; what answers a request passes its machinery by.
    """

    def __init__(self, routes: Iterable[Route], gate: Gate, otherwise: ASGIApp) -> None:
        self._gate = gate
        self._otherwise = otherwise
        self._table: dict[Segments, dict[str, Route]] = {}
        for route in routes:
            self._table.setdefault(route.segments, {})[route.method] = route
        self._open = sorted({key.index(None) for key in self._table if None in key})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is none is passed on."""
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        segments = _segments(scope)
        route, values, allowed = self._find(segments, scope["method"])
        if route is None:
            response = self._elsewhere(scope, segments, allowed)
        else:
            try:
                response = await self._answer(route, Request(scope, receive, send), values)
            except ClientDisconnect:
                return
        await response(scope, receive, send)

    def _find(
        self, segments: tuple[str, ...], method: str
    ) -> tuple[Route | None, list[str], str | None]:
        """Return the route and what stands at its open places, else the first method allowed."""
        allowed = None
        if methods := self._table.get(segments):
            if route := methods.get(method):
                return route, [], None
            allowed = next(iter(methods))
        for place in self._open:
            if place >= len(segments) or not segments[place]:
                continue
            methods = self._table.get((*segments[:place], None, *segments[place + 1 :]))
            if methods:
                if route := methods.get(method):
                    return route, [segments[place]], None
                allowed = allowed or next(iter(methods))
        return None, [], allowed

    def _elsewhere(self, scope: Scope, segments: tuple[str, ...], allowed: str | None) -> Response:
        """Return 405, the way to the path without the slash at its end, or 404."""
        if allowed is not None:
            return problem(405, "Method Not Allowed", [(b"allow", allowed.encode())])
        while len(segments) > 1 and not segments[-1]:
            segments = segments[:-1]
            route, _, allowed = self._find(segments, scope["method"])
            if route is not None or allowed is not None:
                return _redirect(scope)
        return problem(404, "Not Found")

    async def _answer(self, route: Route, request: Request, values: list[str]) -> Response:
        """Return the answer: JSON, token, rate, content, then what the route itself finds."""
        try:
            given: list[Any] = []
            invalid: InvalidError | None = None
            if route.body is not None:
                try:
                    given.append(await _body(route.body, request))
                except InvalidError as error:
                    invalid = error
            refusal = self._refusal(route.access, request)
            if refusal is not None:
                return refusal
            if invalid is not None:
                return invalid.answer
            if route.query is not None:
                given.append(_query(route.query, request.scope["query_string"]))
            return await route.endpoint(request, *values, *given)
        except RefusedError as error:
            return error.answer
        except TROUBLE as error:
            return unavailable(route.trouble, error)

    def _refusal(self, access: Access, request: Request) -> Response | None:
        if access is Access.OPEN:
            return None
        return self._gate.check(
            request, read=access is not Access.WRITE, limited=access is not Access.FIGURES
        )


def parameters(query_string: bytes) -> dict[str, str]:
    """Return the parameters that say anything; of one that is repeated the last."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    return {name: value for name, value in dict(pairs).items() if value or name in _KEPT_EMPTY}


def _segments(scope: Scope) -> tuple[str, ...]:
    raw: bytes = scope.get("raw_path") or b""
    if b"%" not in raw:
        return tuple(scope["path"].split("/"))
    return tuple(unquote(part) for part in raw.decode("latin-1").split("/"))


def _redirect(scope: Scope) -> Answer:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        name, port = scope.get("server") or ("localhost", None)
        host = (f"{name}:{port}" if port else name).encode()
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    location = scope["scheme"].encode() + b"://" + host + raw.rstrip(b"/") + query
    return Answer(b"", 307, [(b"location", location)])


async def _body(body: Body, request: Request) -> Any:
    raw = await _bytes(request)
    is_json = _says_json(request.scope["headers"])
    if len(raw) > _AT_ONCE:
        return await asyncio.to_thread(body.read, raw, is_json)
    return body.read(raw, is_json)


async def _bytes(request: Request) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _says_json(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Say whether the body is sent as JSON, as it is when nothing is said."""
    for name, value in headers:
        if name == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
            return kind in {b"", b"application/json"} or (
                kind.startswith(b"application/") and kind.endswith(b"+json")
            )
    return True


def _query(model: type[BaseModel], query_string: bytes) -> BaseModel:
    try:
        return model.model_validate(parameters(query_string))
    except ValidationError as error:
        raise RefusedError(unprocessable(problems_of(error, "query"))) from None

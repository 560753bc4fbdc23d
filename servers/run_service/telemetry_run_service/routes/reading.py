"""Reads runs and their events: many by what they are, one by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures
from telemetry_sqlite import ROW_COLUMNS, RunFilter

from telemetry_run_service.answers.answer import Answer, encoded, knows_us, record_of
from telemetry_run_service.answers.described import Event, RunRecord
from telemetry_run_service.logs.log import log_query
from telemetry_run_service.requests.cursors import cursor_of
from telemetry_run_service.requests.filters import filter_of, matcher, place_asked
from telemetry_run_service.requests.models import EventQuery, RunQuery
from telemetry_run_service.routes.dispatching import parameters
from telemetry_run_service.routes.route import Access, Route, answers

if TYPE_CHECKING:
    from starlette.responses import Response
    from telemetry_sqlite import RunQueries
    from telemetry_sqlite.listing import Place

    from telemetry_run_service.service import Service

_RUN_ID = ROW_COLUMNS.index("run_id")


class _Found(NamedTuple):
    """One page, ready to be sent, and what its headers say."""

    body: bytes
    number: int
    next: Place | None
    total: int | None = None


class Reading:
    """The routes that read runs and events."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(
                "GET",
                "/api/v1/runs",
                self.query_runs,
                Access.READ,
                "Failed to query runs",
                query=RunQuery,
                described=answers(list[RunRecord], 200, 400, 401, 429, 503),
            ),
            Route(
                "GET",
                "/api/v1/runs/{event_id}",
                self.get_run,
                Access.READ,
                "Failed to fetch run",
                described=answers(RunRecord, 200, 401, 404, 429, 503),
            ),
            Route(
                "GET",
                "/api/v1/runs/{event_id}/events",
                self.list_events,
                Access.READ,
                "Failed to fetch events",
                query=EventQuery,
                described=answers(list[Event], 200, 400, 401, 404, 429, 503),
            ),
        ]

    async def query_runs(self, request: Request, asked: Annotated[RunQuery, Query()]) -> Response:
        """Return runs, the newest first; those of one moment in the order they came.

        When there are more, the `Link` header leads to the next page.
        """
        which, after = filter_of(asked), place_asked(asked.after)
        whole = knows_us(request.scope)
        clock = self._service.clock
        began = clock.monotonic()

        def question(queries: RunQueries) -> _Found:
            if asked.id_prefix:
                return _beginning(queries, asked, which, whole=whole)
            page = queries.list_rows(which, limit=asked.limit, offset=asked.offset, after=after)
            total = queries.count(which) if asked.total else None
            body = encoded([record_of(row, whole=whole) for row in page.rows])
            return _Found(body, len(page.rows), page.next, total)

        found = await self._service.reader.ask(question)
        taken_ms = (clock.monotonic() - began) * 1000
        log_query(parameters(request.scope["query_string"]), found.number, taken_ms)
        return _page(request, found)

    async def get_run(self, request: Request, event_id: str) -> Response:
        """Return one run."""
        row = await self._service.row(event_id)
        return Answer(encoded(record_of(row, whole=knows_us(request.scope))))

    async def list_events(
        self, request: Request, event_id: str, asked: Annotated[EventQuery, Query()]
    ) -> Response:
        """Return the events of a run, named by its event id or its run id, as they happened."""
        after = place_asked(asked.after)

        def question(queries: RunQueries) -> _Found | None:
            row = queries.one_row(event_id)
            if row is None:
                rows = queries.list_rows(RunFilter(run_id=event_id), limit=1).rows
                row = rows[0] if rows else None
            if row is None:
                return None
            page = queries.list_events(row[_RUN_ID], limit=asked.limit, after=after)
            return _Found(encoded(page.rows), len(page.rows), page.next)

        found = await self._service.reader.ask(question)
        if found is None:
            raise self._service.not_found(event_id)
        return _page(request, found)


def _beginning(queries: RunQueries, asked: RunQuery, which: RunFilter, *, whole: bool) -> _Found:
    """Return the runs whose ids begin so, of which there are few enough for one page."""
    means = matcher(which)
    rows = [
        row
        for row in queries.rows_beginning(asked.id_prefix or "", limit=asked.limit)
        if means(dict(zip(ROW_COLUMNS, row, strict=True)))
    ]
    body = encoded([record_of(row, whole=whole) for row in rows])
    return _Found(body, len(rows), None, len(rows) if asked.total else None)


def _page(request: Request, found: _Found) -> Answer:
    headers: list[tuple[bytes, bytes]] = []
    if found.next is not None:
        asked: dict[str, Any] = parameters(request.scope["query_string"])
        asked.pop("offset", None)
        asked["after"] = cursor_of(found.next)
        path = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1")
        headers.append((b"link", f'<{path}?{urlencode(asked)}>; rel="next"'.encode()))
    if found.total is not None:
        headers.append((b"x-total-count", b"%d" % found.total))
    return Answer(found.body, 200, headers)

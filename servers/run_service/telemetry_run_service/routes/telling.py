"""Tells of the service itself: its health, its figures, the names that occur, its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures

from telemetry_core import __version__
from telemetry_run_service.answers.answer import Answer, answer, encoded, knows_us
from telemetry_run_service.answers.described import Health, Metadata, Metrics
from telemetry_run_service.requests.models import MetricsQuery
from telemetry_run_service.routes.route import Access, Route, answers

if TYPE_CHECKING:
    from starlette.responses import Response

    from telemetry_run_service.service import Service

_REMEMBERED_SECONDS = 300
_TEXTS = ("text/plain", "application/openmetrics-text")
_TEXT = {"content": {kind: {"schema": {"type": "string"}} for kind in _TEXTS}}
_EXTRAS = ("by_status", "pending_api_posts")


class Telling:
    """The routes that tell of the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._names: tuple[Any, int, float] | None = None

    def routes(self) -> list[Route]:
        """Return them."""
        figures = answers(Metrics, 200, 401, 503)
        figures["responses"][200] = _TEXT
        return [
            Route(
                "GET",
                "/health",
                self.get_health,
                Access.OPEN,
                "Database error",
                described=answers(Health, 200, 503),
            ),
            Route(
                "GET",
                "/metrics",
                self.get_metrics,
                Access.FIGURES,
                "Failed to fetch metrics",
                query=MetricsQuery,
                described=figures,
            ),
            Route(
                "GET",
                "/api/v1/metadata",
                self.get_metadata,
                Access.READ,
                "Failed to fetch metadata",
                described=answers(Metadata, 200, 401, 429, 503),
            ),
        ]

    async def get_health(self, request: Request) -> Response:
        """Say that the service can read its database; 503 when it cannot."""
        await self._service.health.ask(lambda queries: queries.one_row(""))
        settings = self._service.settings
        told = {
            "status": "ok",
            "version": __version__,
            "db_path": self._path_for(request),
            "journal_mode": settings.journal_mode,
            "synchronous": settings.synchronous,
        }
        return answer(told)

    async def get_metrics(
        self, request: Request, asked: Annotated[MetricsQuery, Query()]
    ) -> Response:
        """Return how many runs there are, as JSON or as text for Prometheus."""
        now_ns = self._service.clock.time_ns()
        totals = await self._service.reader.ask(lambda queries: queries.totals(now_ns))
        accept = _accepted(request)
        if asked.format == "prometheus" or (asked.format is None and _wants_text(accept)):
            from telemetry_run_service.answers.exposition import exposed

            body, kind = exposed(totals, self._service, accept)
            return Answer(body, kind=kind.encode())
        told = {
            "total_runs": totals.total_runs,
            "agents": totals.agents,
            "recent_24h": totals.recent_24h,
            "performance": {
                "db_path": self._path_for(request),
                "journal_mode": self._service.settings.journal_mode,
            },
        }
        if knows_us(request.scope):
            stats = await self._service.reader.ask(lambda queries: queries.get_stats(now_ns))
            told |= {name: stats[name] for name in _EXTRAS}
        return answer(told)

    async def get_metadata(self, _: Request) -> Response:
        """Return the names of agents and jobs that occur.

        They are asked for anew each time; `cache_hit` says that nothing was stored since they
        were told the last time, five minutes ago at most.
        """
        names = await self._service.reader.ask(lambda queries: queries.names())
        now = self._service.clock.monotonic()
        changed = self._service.names_changed
        before, self._names = self._names, (names, changed, now + _REMEMBERED_SECONDS)
        known = before is not None and before[:2] == (names, changed) and now < before[2]
        if before is not None and known:
            self._names = before
        agents, jobs = names
        told = {
            "agent_names": agents,
            "job_types": jobs,
            "counts": {"agent_names": len(agents), "job_types": len(jobs)},
            "cache_hit": known,
        }
        return Answer(encoded(told))

    def _path_for(self, request: Request) -> str | None:
        """Return the path of the database, for those who may know it."""
        service = self._service
        return service.settings.db_path if service.gate.trusts(request) else None


def _accepted(request: Request) -> str:
    return ",".join(
        value.decode("latin-1") for name, value in request.scope["headers"] if name == b"accept"
    )


def _wants_text(accept: str) -> bool:
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return not kinds.isdisjoint(_TEXTS) and "application/json" not in kinds

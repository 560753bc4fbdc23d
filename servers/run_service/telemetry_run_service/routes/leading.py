"""Leads from a run to its commit and its repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures
from telemetry_sqlite import ROW_COLUMNS

from telemetry_run_service.answers.answer import answer
from telemetry_run_service.answers.described import CommitUrl, RepoUrl
from telemetry_run_service.answers.links import Links, links_of
from telemetry_run_service.routes.route import Access, Route, answers

if TYPE_CHECKING:
    from starlette.responses import Response

    from telemetry_run_service.service import Service

_REPO = ROW_COLUMNS.index("git_repo")
_HASH = ROW_COLUMNS.index("git_commit_hash")


class Leading:
    """The routes that lead elsewhere."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(
                "GET",
                "/api/v1/runs/{event_id}/commit-url",
                self.get_commit_url,
                Access.WRITE,
                "Failed to get commit URL",
                described=answers(CommitUrl, 200, 401, 404, 429, 503),
            ),
            Route(
                "GET",
                "/api/v1/runs/{event_id}/repo-url",
                self.get_repo_url,
                Access.WRITE,
                "Failed to get repo URL",
                described=answers(RepoUrl, 200, 401, 404, 429, 503),
            ),
        ]

    async def get_commit_url(self, _: Request, event_id: str) -> Response:
        """Return where the commit can be seen, null when the host is not one we know."""
        return answer({"commit_url": (await self._links(event_id)).commit_url})

    async def get_repo_url(self, _: Request, event_id: str) -> Response:
        """Return where the repository can be seen, null when that is not on the web."""
        return answer({"repo_url": (await self._links(event_id)).repo_url})

    async def _links(self, event_id: str) -> Links:
        row = await self._service.row(event_id)
        return links_of(row[_REPO], row[_HASH])

"""Changes runs: some of their fields, or the commit that belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures
from telemetry_sqlite import change_run, patch_run

from telemetry_run_service.answers.answer import answer
from telemetry_run_service.answers.described import Associated, Updated
from telemetry_run_service.answers.problems import refused
from telemetry_run_service.logs.log import log_update
from telemetry_run_service.requests.models import CommitAssociation, RunUpdate
from telemetry_run_service.requests.parsing import OneModel
from telemetry_run_service.routes.route import Access, Route, answers

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from starlette.responses import Response

    from telemetry_run_service.service import Service

    Change = Callable[[Connection, str, dict[str, Any], int], T | None]


class Changing:
    """The routes that change runs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(
                "PATCH",
                "/api/v1/runs/{event_id}",
                self.update_run,
                Access.WRITE,
                "Failed to update run",
                OneModel(RunUpdate),
                described=answers(Updated, 200, 400, 401, 404, 413, 429, 503),
            ),
            Route(
                "POST",
                "/api/v1/runs/{event_id}/associate-commit",
                self.associate_commit,
                Access.WRITE,
                "Database error",
                OneModel(CommitAssociation),
                described=answers(Associated, 200, 401, 404, 413, 429, 503),
            ),
        ]

    async def update_run(self, _: Request, event_id: str, update: RunUpdate) -> Response:
        """Set what is given; null and what is left out stay as they are."""
        changes = update.changes()
        if not changes:
            await self._service.row(event_id)
            raise refused(400, "No valid fields to update")
        clock = self._service.clock
        began = clock.monotonic()
        await self._written(change_run, event_id, changes)
        self._service.names_changed += 1
        fields = [*changes]
        log_update(event_id, fields, (clock.monotonic() - began) * 1000, success=True)
        return answer({"event_id": event_id, "updated": True, "fields_updated": fields})

    async def associate_commit(
        self, _: Request, event_id: str, association: CommitAssociation
    ) -> Response:
        """Set the commit of a run, its author and time too: what is left out becomes null."""
        run = await self._written(patch_run, event_id, association.changes())
        told = {
            "status": "success",
            "event_id": event_id,
            "run_id": run.run_id,
            "commit_hash": association.commit_hash,
        }
        return answer(told)

    async def _written(self, change: Change[T], event_id: str, changes: dict[str, Any]) -> T:
        """Return what the change found, once it is on the disk; raises the answer 404."""
        seen_ns = self._service.clock.time_ns()
        found = await self._service.write(
            lambda connection: change(connection, event_id, changes, seen_ns)
        )
        if not found:
            raise self._service.not_found(event_id)
        return found

"""Creates runs: one, or many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures
from telemetry_sqlite import Put, put_runs

from telemetry_run_service.answers.answer import answer
from telemetry_run_service.answers.described import BatchCreated, BatchResponse, Created, Duplicate
from telemetry_run_service.requests.batches import Batch, BatchBody
from telemetry_run_service.requests.models import TelemetryRun
from telemetry_run_service.requests.parsing import OneModel
from telemetry_run_service.routes.route import Access, Route, answers
from telemetry_run_service.storage.writer import PutRun

if TYPE_CHECKING:
    from starlette.responses import Response

    from telemetry_run_service.service import Service

_KNOWN = "Event already exists (idempotent)"


class Creating:
    """The routes that create runs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route(
                "POST",
                "/api/v1/runs",
                self.create_run,
                Access.WRITE,
                "Failed to create run",
                OneModel(TelemetryRun),
                described=answers(Created, 201, 400, 401, 413, 429, 503, more={200: Duplicate}),
            ),
            Route(
                "POST",
                "/api/v1/runs/batch",
                self.create_batch,
                Access.WRITE,
                "Failed to create runs",
                BatchBody(self._service.settings.max_batch),
                described=answers(BatchResponse, 200, 401, 413, 429, 503, more={201: BatchCreated}),
            ),
        ]

    async def create_run(self, _: Request, run: TelemetryRun) -> Response:
        """Store a run. One whose event id is known is merged into what is stored.

        A run that ran may end so; what was empty is filled; the first end of a run stays its end.
        """
        record, seen_ns = run.record(), self._service.clock.time_ns()
        created = await self._service.write(PutRun(record, seen_ns))
        if not created:
            known = {"status": "duplicate", "event_id": run.event_id, "message": _KNOWN}
            return answer(known)
        self._service.names_changed += 1
        stored = {"status": "created", "event_id": run.event_id, "run_id": run.run_id}
        return answer(stored, 201)

    async def create_batch(self, _: Request, batch: Annotated[Batch, Body()]) -> Response:
        """Store many runs in one transaction, each judged by itself.

        A bare list is answered with 200 and four figures, an object with the list under `runs`
        with 201 and two more.
        """
        put = Put(0, 0, [])
        if batch.runs:
            runs, seen_ns = batch.runs, self._service.clock.time_ns()
            put = await self._service.write(
                lambda connection: put_runs(connection, runs, seen_ns), rows=len(runs)
            )
        if put.inserted:
            self._service.names_changed += 1
        told: dict[str, Any] = {
            "inserted": put.inserted,
            "duplicates": put.duplicates,
            "errors": [
                *batch.errors,
                *(f"{event_id}: {reason}" for event_id, reason in put.refused),
            ],
            "total": len(batch),
        }
        if not batch.wrapped:
            return answer(told)
        return answer({**told, "created": put.inserted, "status": "created"}, 201)

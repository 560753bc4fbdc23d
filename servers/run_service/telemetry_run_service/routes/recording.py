"""Stores records as our own sink sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the signatures

from telemetry_run_service.answers.answer import answer
from telemetry_run_service.answers.described import RecordsAnswer
from telemetry_run_service.requests.records import Records, RecordsBody, Rejected, store
from telemetry_run_service.routes.route import Access, Route, answers

if TYPE_CHECKING:
    from starlette.responses import Response

    from telemetry_run_service.service import Service


class Recording:
    """The route that stores records."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return it."""
        return [
            Route(
                "POST",
                "/api/v1/records",
                self.store_records,
                Access.WRITE,
                "Failed to store records",
                RecordsBody(self._service.settings.max_batch),
                described=answers(RecordsAnswer, 200, 401, 413, 429, 503),
            ),
        ]

    async def store_records(self, _: Request, records: Annotated[Records, Body()]) -> Response:
        """Store records of runs and events in one transaction, each judged by itself.

        What is not rejected is stored, merged, or was known already.
        """
        rejected: list[Rejected] = [*records.rejected]
        if records.records:
            sound = records.records
            rejected += await self._service.write(
                lambda connection: store(connection, sound), rows=len(sound)
            )
            self._service.names_changed += 1
        rejected.sort(key=lambda one: one.index)
        told: dict[str, Any] = {"accepted": len(records) - len(rejected), "rejected": rejected}
        return answer(told)

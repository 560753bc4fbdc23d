"""All routes, in the order in which a path is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_run_service.routes.changing import Changing
from telemetry_run_service.routes.creating import Creating
from telemetry_run_service.routes.leading import Leading
from telemetry_run_service.routes.reading import Reading
from telemetry_run_service.routes.recording import Recording
from telemetry_run_service.routes.streaming import Streaming
from telemetry_run_service.routes.telling import Telling

if TYPE_CHECKING:
    from telemetry_run_service.routes.route import Route
    from telemetry_run_service.service import Service

_GROUPS = (Telling, Creating, Reading, Changing, Leading, Recording, Streaming)


def routes_of(service: Service) -> list[Route]:
    """Return every route of a service; FastAPI describes them, and we answer them."""
    return [route for group in _GROUPS for route in group(service).routes()]

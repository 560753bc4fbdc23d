"""One route: what it takes, who may ask it, and what is said when the database fails it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import define, field

from telemetry_run_service.answers.described import HTTPValidationError, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel
    from starlette.responses import Response

    from telemetry_run_service.requests.parsing import Body

_PROBLEMS = {
    400: "The request cannot be carried out",
    401: "A token is needed, or another one",
    404: "There is no such run",
    413: "The body is too large, or has too many rows",
    429: "Too many requests in this minute",
    503: "The database is busy, full or missing; try again after `Retry-After` seconds",
}


class Access(Enum):
    """What the gate is asked before a route does anything."""

    OPEN = "open"  # nothing
    FIGURES = "figures"  # a token where reading needs one
    READ = "read"  # that, and the rate
    WRITE = "write"  # a token, and the rate


@define(frozen=True)
class Route:
    """What is served at one path for one method.

    :ivar trouble: what could not be done when the database is busy, full or missing.
    :ivar body: how its body is read, where it has one; `query`: the model of its parameters.
    :ivar described: the rest of what FastAPI is told for the OpenAPI description.
    """

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Response]]
    access: Access
    trouble: str
    body: Body | None = None
    query: type[BaseModel] | None = None
    described: dict[str, Any] = field(factory=dict)

    @property
    def segments(self) -> tuple[str | None, ...]:
        """The parts of the path between its slashes, nothing where anything may stand."""
        return tuple(None if part[:1] == "{" else part for part in self.path.split("/"))


def answers(
    model: Any, status: int = 200, *problems: int, more: dict[int, Any] | None = None
) -> dict[str, Any]:
    """Return what FastAPI is told of the answers of a route.

    :param model: of the usual answer; `more`: models of others, by status.
    :param problems: the statuses with which it may be refused.
    """
    told: dict[int, Any] = {number: {"model": kind} for number, kind in (more or {}).items()}
    for number in problems:
        told[number] = {"model": Problem, "description": _PROBLEMS[number]}
    told[422] = {"model": HTTPValidationError, "description": "Every problem of the request"}
    return {"response_model": model, "status_code": status, "responses": told}

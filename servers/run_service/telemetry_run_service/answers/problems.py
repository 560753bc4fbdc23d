"""What is wrong with a request, or with the database, as the answer that says so."""

from __future__ import annotations

import re
import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from telemetry_sqlite import DatabaseBusyError, DatabaseFullError, DatabaseUnusableError

from telemetry_core import TelemetryError, get_logger, json_text
from telemetry_run_service.answers.answer import Answer, problem
from telemetry_run_service.errors import DatabaseMissingError, TooBusyError

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = get_logger("telemetry_run_service")

_LONGEST_INPUT = 10_000
_NON_NEGATIVE = "Value error, Value must be non-negative"
_URL_ENDING = re.compile(r"[a-z_]+$")
_NOTHING: TypeAdapter[None] = TypeAdapter(None)  # whose errors name where pydantic explains them
_SOON, _LATER = b"1", b"30"


class RefusedError(TelemetryError):
    """A request that is answered otherwise than by its route, with an answer that is ready."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered {answer.status_code}")
        self.answer = answer


def refused(status: int, detail: Any) -> RefusedError:
    """Return what is to be raised for an answer of this status."""
    return RefusedError(problem(status, detail))


def unavailable(what: str, error: Exception) -> Answer:
    """Return the 503 that says what could not be done, and why."""
    logger.warning("%s: %s", what, error)
    wait = _LATER if isinstance(error, DatabaseFullError) else _SOON
    return problem(503, f"{what}: {_reason(error)}", [(b"retry-after", wait)])


def unprocessable(problems: Iterable[dict[str, Any]]) -> Answer:
    """Return the 422 that lists every problem."""
    return problem(422, [*problems])


def problems_of(error: ValidationError, *where: str | int) -> list[dict[str, Any]]:
    """Return every problem that was found, each with its place in the request."""
    return [_problem(found, where) for found in error.errors()]


def said_of(error: ValidationError) -> str:
    """Return every problem in one line, for a row among many."""
    return "; ".join(
        f"{'.'.join(map(str, found['loc'])) or 'row'}: {found['msg']}"
        for found in problems_of(error)
    )


def missing_body(*where: str, found: Any = None) -> Answer:
    """Return the answer to a request without a body, or without what must stand in it."""
    return unprocessable(
        [
            {
                "type": "missing",
                "loc": [*(where or ("body",))],
                "msg": "Field required",
                "input": _bounded(found),
                "url": _url_of("missing"),
            }
        ]
    )


def malformed(position: int, why: str) -> Answer:
    """Return the answer to a body that is no JSON."""
    return unprocessable(
        [
            {
                "type": "json_invalid",
                "loc": ["body", position],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": why},
                "url": _url_of("json_invalid"),
            }
        ]
    )


def _problem(found: Any, where: tuple[str | int, ...]) -> dict[str, Any]:
    told = {
        "type": found["type"],
        "loc": [*where, *found["loc"]],
        "msg": found["msg"],
        "input": _bounded(found["input"]),
        "url": found.get("url", ""),
    }
    if context := found.get("ctx"):
        told["ctx"] = {name: _plain(value) for name, value in context.items()}
    if found["type"] == "greater_than_equal" and context == {"ge": 0} and where[:1] != ("query",):
        told |= {"type": "value_error", "msg": _NON_NEGATIVE, "url": _url_of("value_error")}
    return told


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int, float, bool, list)) else str(value)


def _bounded(value: Any) -> Any:
    """Return what was sent, or the beginning of it: every problem repeats it."""
    if not isinstance(value, (str, list, dict)):
        return value
    text = value if isinstance(value, str) else json_text(value)
    return value if len(text) <= _LONGEST_INPUT else f"{text[:_LONGEST_INPUT]} …"


@cache
def _url_of(kind: str) -> str:
    """Return where pydantic explains a kind of problem, as its own errors say."""
    try:
        _NOTHING.validate_python(0)
    except ValidationError as error:
        return _URL_ENDING.sub(kind, error.errors()[0].get("url", ""))
    return ""


def _reason(error: BaseException) -> str:
    """Return why, in SQLite's own words where it has some; never a path."""
    if isinstance(error, (TooBusyError, DatabaseMissingError)):
        return str(error)
    if isinstance(error, DatabaseBusyError):
        return "database is locked"
    if isinstance(error, DatabaseFullError):
        return "database or disk is full"
    cause = error.__cause__ if isinstance(error, DatabaseUnusableError) else error
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    if isinstance(cause, OSError):
        return cause.strerror or type(cause).__name__
    return "the database cannot be used"

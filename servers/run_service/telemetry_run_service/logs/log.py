"""What the service tells of its work: a line a request, with what its route adds, or lines of their own."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOGGER = logging.getLogger("telemetry_run_service")

SLOW_MS = 1000
LONGEST_TEXT = 500
_SERVER_ERROR = 500

# What is known of the request that is being answered; routes add to it, its line is written at its end.
REQUEST: ContextVar[dict[str, Any] | None] = ContextVar(
    "telemetry_run_service_request", default=None
)


def log_query(query_params: Mapping[str, Any], result_count: int, duration_ms: float) -> None:
    """Tell of a query: what was asked, how many rows were found, and how long that took.

    While a request is answered this becomes a part of its line; otherwise it is a line of its own.
    """
    _tell(
        logging.INFO,
        "Query executed",
        query_params={name: _cut(value) for name, value in query_params.items()},
        rows=result_count,
        query_ms=round(duration_ms, 2),
        is_slow=duration_ms > SLOW_MS,
    )


def log_update(
    event_id: str, fields_updated: Sequence[str], duration_ms: float, success: bool
) -> None:
    """Tell of a run that was changed, or that could not be."""
    _tell(
        logging.INFO,
        "Run updated" if success else "Update failed",
        event_id=_cut(event_id),
        fields_updated=[*fields_updated],
        update_ms=round(duration_ms, 2),
        success=success,
    )


def log_error(endpoint: str, error_type: str, error_message: str, **context: Any) -> None:
    """Tell of an error, with whatever helps to find its cause."""
    _tell(
        logging.ERROR,
        f"Error in {endpoint}: {_cut(error_message)}",
        endpoint=endpoint,
        error_type=error_type,
        error_message=_cut(error_message),
        **{name: _cut(value) for name, value in context.items()},
    )


@contextmanager
def track_duration() -> Iterator[Callable[[], float]]:
    """Give what returns the milliseconds since the `with` block was entered."""
    clock = SystemClock()
    began = clock.monotonic()
    yield lambda: (clock.monotonic() - began) * 1000


def _tell(level: int, message: str, **facts: Any) -> None:
    request = REQUEST.get()
    if request is None:
        LOGGER.log(level, message, extra={"facts": facts})
    else:
        request.update(facts)


def log_request(message: str, facts: dict[str, Any], error: Exception | None = None) -> None:
    """Write the line of a request that was answered; an error makes it one, with its traceback."""
    level = logging.INFO if error is None and facts["status"] < _SERVER_ERROR else logging.ERROR
    if LOGGER.isEnabledFor(level):
        told = (type(error), error, error.__traceback__) if error else None
        # made by hand: to look for the caller's line costs more than all the rest
        record = logging.LogRecord(LOGGER.name, level, "", 0, message, None, told)
        record.facts = facts
        LOGGER.handle(record)


def _cut(value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value

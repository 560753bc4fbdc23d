"""A run as a `with` block or a decorator sees it, and the run that is current."""

from __future__ import annotations

import functools
import inspect
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar[RunContext | None] = ContextVar("telemetry_current_run", default=None)


class Client(Protocol):
    """What a run needs of its client."""

    def start_run(
        self, agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
    ) -> str:
        """Start a run and return its id."""

    def log_event(
        self, run_id: str, event_type: str, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Say that something happened in a run."""

    def end_run(self, run_id: str, status: str = "success", **fields: Any) -> None:
        """End a run."""

    def update_run(self, run_id: str, **fields: Any) -> None:
        """Set fields of a run."""

    def describe_exception(self, error: BaseException) -> dict[str, Any]:
        """Return the fields that a run's failure gives it."""


def current_run() -> RunContext | None:
    """Return the run of the innermost `track_run` around the caller, in its thread or task."""
    return _current.get()


class RunContext:
    """A running run: log events to it, set its metrics."""

    def __init__(self, client: Client, run_id: str) -> None:
        self.run_id = run_id
        self._client = client

    def log_event(self, event_type: str, payload: Mapping[str, Any] | None = None) -> None:
        """Say that something happened in this run."""
        self._client.log_event(self.run_id, event_type, payload)

    def set_metrics(self, **fields: Any) -> None:
        """Set fields of this run: counts, summaries, `metrics_json`, git and business context."""
        self._client.update_run(self.run_id, **fields)

    def __repr__(self) -> str:
        return f"RunContext({self.run_id!r})"


class RunTracker:
    """Starts a run on entry and ends it on exit; also an async one, and a decorator."""

    def __init__(
        self,
        client: Callable[[], Client],
        agent_name: str,
        job_type: str,
        trigger_type: str | None = "cli",
        **fields: Any,
    ) -> None:
        self._client = client
        self._arguments = (agent_name, job_type, trigger_type)
        self._fields = fields
        self._run: RunContext | None = None
        self._token: Token[RunContext | None] | None = None

    def __enter__(self) -> RunContext:
        client = self._client()
        run = RunContext(client, client.start_run(*self._arguments, **self._fields))
        self._run = run
        self._token = _current.set(run)
        return run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run, token = self._run, self._token
        self._run = self._token = None
        if token is not None:
            _leave(token)
        if run is None:
            return
        client = run._client  # noqa: SLF001 - the run's own room
        if error is None:
            client.end_run(run.run_id)
        else:
            client.end_run(run.run_id, status_of(error), **client.describe_exception(error))

    async def __aenter__(self) -> RunContext:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Run each call of a function, or of a coroutine function, as a run of its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def tracked_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return tracked_async  # type: ignore[return-value]

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._again():
                return function(*args, **kwargs)

        return tracked

    def _again(self) -> Self:
        return type(self)(self._client, *self._arguments, **self._fields)


def status_of(error: BaseException) -> str:
    """Return how an exception ends a run: one that only unwinds the program cancels it."""
    if isinstance(error, Exception):
        return "failure"
    return "cancelled"


def _leave(token: Token[RunContext | None]) -> None:
    try:
        _current.reset(token)
    except ValueError:  # left in another context, as generators and some frameworks do
        _current.set(None)

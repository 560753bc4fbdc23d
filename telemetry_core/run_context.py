"""A run as a `with` block or a decorator sees it, and the run that is current."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, Self, TypeVar

from telemetry_core.decorating import decorated

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
    run = _current.get()
    while run is not None and run.over:  # ended elsewhere: in another thread, or out of turn
        run = run.outer
    return run


class RunContext:
    """A running run: log events to it, set its metrics."""

    def __init__(self, client: Client, run_id: str) -> None:
        self.run_id = run_id
        self.client = client
        self.outer: RunContext | None = None
        self.over = False
        self.pid = os.getpid()

    def log_event(self, event_type: str, payload: Mapping[str, Any] | None = None) -> None:
        """Say that something happened in this run."""
        self.client.log_event(self.run_id, event_type, payload)

    def set_metrics(self, **fields: Any) -> None:
        """Set fields of this run: counts, summaries, `metrics_json`, git and business context."""
        self.client.update_run(self.run_id, **fields)

    def end(self, status: str = "success", **fields: Any) -> None:
        """End this run before its block ends, as what the block's own end cannot say: `partial`."""
        self.over = True
        self.client.end_run(self.run_id, status, **fields)

    def current(self) -> CurrentRun:
        """Return a block within which this is the current run."""
        return CurrentRun(self)

    def __repr__(self) -> str:
        return f"RunContext({self.run_id!r})"


class CurrentRun:
    """Makes a run the current one, and the one before it again; in any order, in any thread."""

    def __init__(self, run: RunContext) -> None:
        self._run = run

    def __enter__(self) -> RunContext:
        self._run.outer = current_run()
        _current.set(self._run)
        return self._run

    def __exit__(self, *raised: object) -> None:
        if _current.get() is self._run:
            _current.set(self._run.outer)


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
        self._entered: list[RunContext] = []

    def begin(self) -> RunContext:
        """Start a run that is not the current one."""
        client = self._client()
        return RunContext(client, client.start_run(*self._arguments, **self._fields))

    def finish(self, run: RunContext, error: BaseException | None = None) -> None:
        """End a run as what happened, unless it was ended within its block.

        A forked child that unwinds leaves it to the parent.
        """
        if run.over:
            return
        run.over = True
        if error is None:
            run.client.end_run(run.run_id)
        elif (status := status_of(error)) != "cancelled" or run.pid == os.getpid():
            run.client.end_run(run.run_id, status, **run.client.describe_exception(error))

    def __enter__(self) -> RunContext:
        run = self.begin()
        self._entered.append(run)
        return run.current().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._entered:
            return
        current = _current.get()
        run = current if current in self._entered else self._entered[-1]
        self._entered.remove(run)
        run.current().__exit__()
        self.finish(run, error)

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
        """Run each call of a function, generator or coroutine function as a run of its own."""
        return decorated(function, self._again)

    def _again(self) -> Self:
        return type(self)(self._client, *self._arguments, **self._fields)


def status_of(error: BaseException) -> str:
    """Return how an exception ends a run: one that only unwinds the program cancels it."""
    if isinstance(error, Exception):
        return "failure"
    return "cancelled"

"""What a program imports to speak to PostHog without a client of its own: the guide's module."""

from __future__ import annotations

import os
from contextlib import ContextDecorator, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

from telemetry_posthog.constants import FLUSH_TIMEOUT
from telemetry_posthog.sources import Nearest
from telemetry_posthog.telemetry_client import TelemetryClient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from telemetry_core import FlushReport

_QUIET_IN = ("CI", "PYTEST_VERSION", "PYTEST_CURRENT_TEST")
_NO = {"", "0", "false", "no"}


def _get_telemetry_client() -> TelemetryClient:
    """Return a client for the nearest configuration; a disabled one where that cannot be had.

    It is quiet in continuous integration and under pytest, until `disabled` is set to false.
    """
    client = TelemetryClient.of(Nearest())
    client.disabled = any(os.environ.get(name, "").strip().lower() not in _NO for name in _QUIET_IN)
    return client


client = _get_telemetry_client()


def capture_exception(
    exc: BaseException | None = None, properties: Mapping[str, Any] | None = None
) -> str | None:
    """Say that an exception happened, by default the one being handled; return its uuid."""
    return client.capture_exception(exc, properties=properties)


def flush(timeout: float = FLUSH_TIMEOUT) -> FlushReport:
    """Have everything delivered that can be, within so many seconds; true when all was."""
    return client.flush(timeout)


def _flush_telemetry_on_exit() -> None:
    """Deliver for `FLUSH_TIMEOUT` at most and take nothing more; does it once.

    For programs that end otherwise than Python does: at its own exit the core delivers anyway.
    """
    client.shutdown()


class capture(ContextDecorator):  # noqa: N801 - called like the function it stands for
    """Say that something begins and that it ends, around a block or each call of a function.

    An exception is told in the end's place, and passes. So does what ends a program, which is
    told as nothing; an exit with a code, such as typer's, is an end.
    """

    def __init__(
        self, event_start: str, event_end: str, properties: Mapping[str, Any] | None = None
    ) -> None:
        self._start = event_start
        self._end = event_end
        self._properties = properties
        self._begun = False

    def _recreate_cm(self) -> capture:
        return type(self)(self._start, self._end, self._properties)

    def __call__(self, function: Any) -> Any:
        """Return a function of the same kind, each call of which is a block of its own."""
        from inspect import iscoroutinefunction

        if not iscoroutinefunction(function):
            return super().__call__(function)

        @wraps(function)
        async def told(*args: Any, **kwargs: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return told

    def __enter__(self) -> None:
        with suppress(Exception):  # the body runs, whatever has become of `client`
            self._begun = client.capture(self._start, properties=self._properties) is not None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._begun:  # what nobody saw begin does not end either
            with suppress(Exception):
                self._tell_end(error)

    def _tell_end(self, error: BaseException | None) -> None:
        code = _exit_code(error)
        if error is None:
            client.capture(self._end, properties=self._properties)
        elif code is not None:
            properties = {"exit_code": code, **(self._properties or {})}
            client.capture(self._end, properties=properties)
        elif isinstance(error, Exception):
            client.capture_exception(error, properties=self._properties)


def _exit_code(error: BaseException | None) -> int | None:
    """Return the code that a command line's own way to end carries: it is no failure."""
    code = getattr(error, "exit_code", None) if isinstance(error, RuntimeError) else None
    return code if isinstance(code, int) else None

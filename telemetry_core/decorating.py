"""Puts a run around each call of a function, of whatever kind the function is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractContextManager

P = ParamSpec("P")
R = TypeVar("R")

_Current = Callable[[], "AbstractContextManager[object]"]


class Run(Protocol):
    """A run that is current only while somebody says so."""

    def current(self) -> AbstractContextManager[object]:
        """Be the current run for as long as the block lasts."""


class Tracker(Protocol):
    """Begins and ends one run; entered, it is current until the end."""

    def __enter__(self) -> object: ...

    def __exit__(self, *raised: Any) -> None: ...  # noqa: PYI036 - a tracker names the three

    def begin(self) -> Run:
        """Start the run."""

    def finish(self, run: Any, error: BaseException | None = None) -> None:
        """End the run, with the exception that the body raised, if it did."""


def decorated(function: Callable[P, R], tracker: Callable[[], Tracker]) -> Callable[P, R]:
    """Return a function of the same kind, each call of which is a run of its own.

    A generator's run lasts from its first step to its end and is current only while its body
    runs, never for the code that iterates.
    """
    wrap: Callable[[Any, Callable[[], Tracker]], Any] = _function
    if inspect.iscoroutinefunction(function):
        wrap = _coroutine
    elif inspect.isgeneratorfunction(function):
        wrap = _generator
    elif inspect.isasyncgenfunction(function):
        wrap = _async_generator
    return cast("Callable[P, R]", functools.wraps(function)(wrap(function, tracker)))


def _function(function: Callable[..., Any], tracker: Callable[[], Tracker]) -> object:
    def tracked(*args: Any, **kwargs: Any) -> Any:
        with tracker():
            return function(*args, **kwargs)

    return tracked


def _coroutine(function: Callable[..., Any], tracker: Callable[[], Tracker]) -> object:
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        with tracker():
            return await function(*args, **kwargs)

    return tracked


def _generator(function: Callable[..., Any], tracker: Callable[[], Tracker]) -> object:
    def tracked(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        one = tracker()
        run = one.begin()
        try:
            result = yield from _Steps(body, run.current)
        except BaseException as error:
            one.finish(run, error)
            raise
        one.finish(run)
        return result

    return tracked


class _Steps(Generator[Any, Any, Any]):
    """A generator whose every step is taken within a block."""

    def __init__(self, body: Generator[Any, Any, Any], block: _Current) -> None:
        self._body = body
        self._block = block

    def send(self, value: Any) -> Any:
        with self._block():
            return self._body.send(value)

    def throw(self, *error: Any) -> Any:
        with self._block():
            return self._body.throw(*error)


def _async_generator(function: Callable[..., Any], tracker: Callable[[], Tracker]) -> object:
    async def tracked(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        one = tracker()
        run = one.begin()
        step, given = body.asend, None
        try:
            while True:
                with run.current():
                    item = await step(given)
                try:
                    step, given = body.asend, (yield item)
                except BaseException as error:
                    step, given = body.athrow, error
        except StopAsyncIteration:
            one.finish(run)
        except BaseException as error:
            one.finish(run, error)
            raise

    return tracked

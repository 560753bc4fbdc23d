"""The one shape of what is compared.

A contender is a module of this folder that states

- `NAME`: the words of its line in a table,
- `REQUIREMENTS`: what its environment has to hold, pinned; `()` for our own interpreter,
- `begin(url, directory, room) -> Contender`: begins as its documentation says. Everything remote
  goes to `url`, everything local below `directory`. `room` is how many events may wait at once,
  for what has a setting for it; `None` leaves the defaults.

The SDK is imported inside `begin`: the modules are also read by an interpreter without it. So
they import nothing but the standard library above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Properties = dict[str, Any]

OURS = ("ours_remote", "ours_local", "ours_sqlite", "ours_ndjson", "ours_none")
OTHERS = ("by_hand", "posthog", "segment", "sentry", "otel", "snowplow", "logfire", "structlog")
BOUNDED = ("posthog", "segment", "otel")  # whose bound has a setting; Logfire's is OpenTelemetry's
ALL_DELIVERED = 60.0  # seconds that a flush may take where it has a limit


@dataclass(frozen=True)
class Contender:
    """A system that has begun.

    :ivar tell: tells one event, as a program does that uses the system.
    :ivar flush: returns when all is delivered, or the system has given up.
    :ivar close: ends it in order.
    :ivar kept: reads back what stands in files, for what sends nothing.
    """

    tell: Callable[[Properties], object]
    flush: Callable[[], object]
    close: Callable[[], object]
    kept: Callable[[], Iterable[bytes]] | None = None


class Module(Protocol):
    """What a module of this folder states."""

    NAME: str
    REQUIREMENTS: tuple[str, ...]

    def begin(self, url: str, directory: str, room: int | None) -> Contender:
        """Begin."""


def module(name: str) -> Module:
    """Return the module of a contender."""
    return cast("Module", import_module(f"benchmarks.peers.{name}"))


def foreign(names: Iterable[str]) -> dict[str, str]:
    """Return which of some need an environment of their own: a case of that name, and which."""
    return {name: name for name in names if module(name).REQUIREMENTS}


def title(name: str) -> str:
    """Return what its line in a table is called: its name, and the version that is pinned."""
    found = module(name)
    version = found.REQUIREMENTS[0].partition("==")[2] if found.REQUIREMENTS else ""
    return f"{found.NAME} {version}".rstrip()

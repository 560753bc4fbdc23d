"""How an examination says what it found, and what becomes of one that fails itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.errors import TelemetryError, described
from telemetry_core.records import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def ok(name: str, what: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(name, Level.OK, what)


def warn(name: str, what: str, remedy: str) -> Finding:
    """Say what may keep something from working one day, and what to do."""
    return Finding(name, Level.WARN, what, remedy)


def fail(name: str, what: str, remedy: str) -> Finding:
    """Say what keeps something from working, and what to do."""
    return Finding(name, Level.FAIL, what, remedy)


def guarded(name: str, examine: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Give what an examination finds; one that raises is a finding itself."""
    try:
        yield from examine()
    except TelemetryError as error:
        yield fail(name, str(error), "do what it says, then look again")
    except Exception as error:
        yield fail(
            name,
            f"the examination failed: {described(error)}",
            "report this: it is a mistake of ours",
        )

"""Whether the clock can be right."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import fail, ok
from telemetry_core.cli.places import spool_of
from telemetry_core.cli.words import age
from telemetry_core.clock import NS_PER_SECOND, SystemClock, iso8601, parse_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.records import Finding

_BEFORE_US = parse_iso8601("2025-01-01")  # nothing of ours is older
_LEEWAY = 60 * NS_PER_SECOND
_SIZE_OF_TIMEX = 512  # at least; the kernel's has 208
_UNSYNCHRONISED = 5  # TIME_ERROR
_REMEDY = "set the clock, and have it kept by NTP"


def clock(config: TelemetryConfig) -> Iterator[Finding]:
    """Say what time the machine believes it is, and what speaks against it."""
    yield judged(SystemClock.time_ns(), _newest(spool_of(config)))
    synchronised = _synchronised()
    if synchronised is not None:
        known = "it is synchronised" if synchronised else "nothing synchronises it"
        yield ok("sync", f"{known}, as far as the kernel knows")


def judged(now: int, newest: int) -> Finding:
    """Judge the time by what cannot lie in its future."""
    moment = iso8601(now)[:19]
    if now < _BEFORE_US:
        return fail("time", f"it is {moment}Z, before this program was made", _REMEDY)
    if newest > now + _LEEWAY:
        what = f"it is {moment}Z, and records were written {age(now, newest)} later than that"
        return fail("time", what, _REMEDY)
    return ok("time", f"it is {moment}Z")


def _newest(spool: Path) -> int:
    """Return when the spool was last written to, by the clock of its disk."""
    newest = 0
    for folder, _, files in os.walk(spool):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            try:
                newest = max(newest, os.stat(path).st_mtime_ns)
            except OSError:  # its owner was done with it meanwhile
                continue
    return newest


def _synchronised() -> bool | None:
    """Return whether the kernel's clock follows another one; nothing where that is not known."""
    if sys.platform != "linux":
        return None
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_SIZE_OF_TIMEX))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _UNSYNCHRONISED

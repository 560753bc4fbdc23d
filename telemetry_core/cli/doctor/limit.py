"""Calls what may never return, and goes on without it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import fail
from telemetry_core.errors import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from telemetry_core.records import Finding


def in_turn(
    who: str, steps: Mapping[str, Callable[[], Iterable[Finding]]], seconds: float
) -> list[Finding]:
    """Do steps one after the other in one thread, and return what was found in so many seconds.

    A step that does not end is the last finding; its thread ends with the program.
    """
    found: list[Finding] = []
    begun: list[str] = []

    def work() -> None:
        for name, step in steps.items():
            begun.append(name)
            try:
                found.extend(step())
            except BaseException as error:  # also what would end a program
                what = f"{who}: its {name} failed: {described(error)}"
                found.append(fail(name, what, "this is the plugin's mistake; tell its author"))

    thread = threading.Thread(target=work, name="telemetry-doctor", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        what = f"{who}: its {begun[-1]} did not end within {seconds:g} s"
        remedy = "find out what it waits for, or give it longer: --timeout SECONDS"
        return [*found, fail(begun[-1], what, remedy)]
    return found

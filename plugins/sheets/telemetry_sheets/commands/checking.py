"""`telemetry sheets test`: finds out whether rows can be added, and what is wrong if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core.cli import Screen, json_option, print_json
from telemetry_sheets.commands.options import sheet_option

if TYPE_CHECKING:
    from telemetry_sheets.sink import SheetsSink

_WITHIN = 30.0


@click.command
@sheet_option
@json_option
def test(sink: SheetsSink, as_json: bool) -> int:
    """Find out whether rows can be added, and what is wrong if not.

    Adds none. Exit code 0 when all is well, else 1.
    """
    problem = sink.wire().check(sink.clock.monotonic() + _WITHIN, to_write=True)
    if as_json:
        told = {"code": problem.code, "message": problem.words} if problem else {}
        print_json({"ok": problem is None, "sheet": sink.destination(), **told})
        return int(problem is not None)
    screen = Screen()
    if problem is None:
        screen.line(("ok    ", "green"), f"rows can be added to {sink.destination()}")
    else:
        screen.line((f"{problem.code}  ", "red"), problem.words)
    return int(problem is not None)

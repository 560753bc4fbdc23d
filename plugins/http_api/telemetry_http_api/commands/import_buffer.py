"""`telemetry import buffer`: brings what the reference client could not send to a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import Progress, Screen, json_option, print_json
from telemetry_http_api.commands.options import service_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_http_api.importing import Imported
    from telemetry_http_api.sink import HttpApiSink

_MOST_NAMED = 20


@click.command("buffer")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--again",
    is_flag=True,
    help="Send the .synced files too: they were marked whatever became of their rows.",
)
@click.option("--dry-run", is_flag=True, help="Only read them, and say what cannot be read.")
@service_option
@json_option
def import_buffer(
    directory: Path, service: HttpApiSink, again: bool, dry_run: bool, as_json: bool
) -> int:
    """Send what lies in the buffer of the reference client.

    Runs are merged and known by their ids, so nothing is there twice however often it is done,
    also while a program appends. A file is renamed to .synced when every row of it was taken;
    rows that are refused are named, and kept in a file that ends in .refused.
    """
    from telemetry_http_api.buffer_files import find_files
    from telemetry_http_api.importing import BufferImport

    files = find_files(directory, again=again)
    left_out = 0 if again else len(find_files(directory, again=True)) - len(files)
    with Progress("rows", sum(map(_lines, files)), quiet=as_json) as progress:
        found = BufferImport(service, show=progress.show, dry_run=dry_run).run(files)
    if as_json:
        print_json(_told(service, dry_run, found))
    else:
        _show(service, dry_run, found)
        _show_left_out(left_out)
    return int(not all(one.done for one in found))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _told(service: HttpApiSink, dry_run: bool, found: Sequence[Imported]) -> dict[str, Any]:
    return {
        "ok": all(one.done for one in found),
        "service": service.destination(),
        "dry_run": dry_run,
        "files": [
            {
                "file": one.file,
                "rows": one.rows,
                "sent": one.sent,
                "refused": [{"line": row.line, "reason": row.reason} for row in one.refused],
                "kept": one.kept,
                "problem": one.problem,
            }
            for one in found
        ],
    }


def _show(service: HttpApiSink, dry_run: bool, found: Sequence[Imported]) -> None:
    screen = Screen()
    if not found:
        screen.line("No file of the buffer waits to be sent.")
        return
    sent = "can be read" if dry_run else "sent"
    screen.line((service.destination(), "bold"))
    screen.table(
        ["file", "rows", sent, "refused"],
        [
            [
                one.file,
                f"{one.rows:,}",
                f"{one.rows - len(one.refused) if dry_run else one.sent:,}",
                (f"{len(one.refused):,}", "red") if one.refused else "-",
            ]
            for one in found
        ],
    )
    for one in found:
        _show_refused(screen, one)
    for problem in dict.fromkeys(one.problem for one in found if one.problem):
        screen.line(("not sent to the end: ", "red"), problem)


def _show_left_out(files: int) -> None:
    if files:
        were = "file is" if files == 1 else "files are"
        Screen().line(
            f"{files:,} {were} marked .synced, and left out: of what the reference client marked "
            "so not all arrived; --again sends it too."
        )


def _show_refused(screen: Screen, one: Imported) -> None:
    for row in one.refused[:_MOST_NAMED]:
        screen.line(f"{one.file}:{row.line}: {row.reason}")
    screen.rest(len(one.refused) - _MOST_NAMED)
    if one.kept:
        screen.line(f"They are kept in {one.kept}; correct them in {one.file}, and import again.")

"""`telemetry db export`: writes runs and events as CSV, NDJSON or Parquet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from telemetry_core.cli import Moment, Progress, Screen, json_option, print_json
from telemetry_sqlite.commands.options import database_option, existing
from telemetry_sqlite.commands.words import counted

if TYPE_CHECKING:
    from telemetry_sqlite.care.exporting import Choice

_STDOUT = "-"


@click.command
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ndjson", "parquet"]),
    required=True,
    help="What to write.",
)
@click.option("--runs", "only", flag_value="runs", help="Only runs.")
@click.option("--events", "only", flag_value="events", help="Only events.")
@click.option("--since", type=Moment(), metavar="WHEN", help="From an age (2h, 7d) or time on.")
@click.option("--until", type=Moment(), metavar="WHEN", help="Before an age or time.")
@click.option("--agent", metavar="NAME", help="Only of this agent.")
@click.option("--job", metavar="TYPE", help="Only of this job.")
@click.option("--status", metavar="STATUS", help="Only of runs that ended so.")
@click.option("-o", "--output", default=_STDOUT, metavar="FILE", help="Where to; else to stdout.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@database_option
@json_option
def export(
    database: str,
    form: str,
    only: str | None,
    since: str | None,
    until: str | None,
    agent: str | None,
    job: str | None,
    status: str | None,
    output: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write what was recorded, the oldest first, also while programs write.

    NDJSON holds runs and events, and `db rebuild` reads it; CSV and Parquet hold one of the two.
    """
    from telemetry_sqlite.care.export_output import new_file
    from telemetry_sqlite.care.exporting import Choice

    if output == _STDOUT and (as_json or form == "parquet"):
        raise click.UsageError("--json and Parquet need a file to write to: -o FILE")
    kinds = [only] if only else ["runs", "events"] if form == "ndjson" else ["runs"]
    choice = Choice(since, until, agent, job, status)
    if output == _STDOUT:
        _write(sys.stdout.buffer, existing(database), form, kinds, choice, quiet=True)
        return
    with new_file(output, force=force) as file:
        counts = _write(file, existing(database), form, kinds, choice, quiet=as_json)
    if as_json:
        print_json({"path": database, "output": output, "format": form, "rows": counts})
    else:
        what = " and ".join(counted({kind: number}) for kind, number in counts.items())
        Screen().line(f"Wrote {what} to {output}")


def _write(
    file: BinaryIO, database: str, form: str, kinds: list[str], choice: Choice, *, quiet: bool
) -> dict[str, int]:
    from telemetry_sqlite.care.export_formats import FORMATS
    from telemetry_sqlite.care.exporting import rows_of

    counts = dict.fromkeys(kinds, 0)
    for kind in kinds:
        writer = FORMATS[form](file, kind)
        with Progress(kind, quiet=quiet) as progress:
            for rows in rows_of(database, kind, choice, progress.show):
                writer.write(rows)
                counts[kind] += len(rows)
        writer.finish()
    return counts

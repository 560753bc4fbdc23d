"""`telemetry db rebuild`: merges what NDJSON files tell of into the database, or into a new one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli import (
    Progress,
    Screen,
    json_option,
    print_json,
    read_config,
    sink_of_kind,
    size,
)
from telemetry_sqlite.commands.options import database_option, wait_option
from telemetry_sqlite.commands.words import counted

if TYPE_CHECKING:
    from telemetry_sqlite.care.rebuilding import Rebuild


@click.command
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="PATH",
    help="A directory of daily files, or a file; may be given several times."
    " Else where the active ndjson sink writes.",
)
@click.option("--fresh", is_flag=True, help="Build a new database beside it, and leave it alone.")
@wait_option
@database_option
@json_option
def rebuild(
    database: str, sources: tuple[str, ...], fresh: bool, wait: float, as_json: bool
) -> int:
    """Bring what NDJSON files tell of into the database.

    Runs are merged and events are known by their ids, so nothing is there twice however often
    it is done, also while programs write.
    """
    from telemetry_sqlite.care import rebuilding
    from telemetry_sqlite.care.ndjson_files import find_files

    files = find_files(sources or _where_ndjson_writes())
    act = rebuilding.rebuild_beside if fresh else rebuilding.rebuild
    with Progress("reading", quiet=as_json) as progress:
        done = act(database, files, wait=wait, progress=progress.show)
    if as_json:
        from attrs import asdict

        print_json(asdict(done))
    else:
        _show(done, instead_of=database if fresh else None)
    return int(bool(done.broken))


def _where_ndjson_writes() -> list[str]:
    """Return the directories of the active ndjson sinks, else the one they have by default."""
    config = read_config(click.get_current_context().params["config_path"])
    names = [name for name in config.active if config.kind_of(name) == "ndjson"]
    kind: type[Any] = config.installed.load("ndjson") if names else object
    sinks = [sink_of_kind(config, kind, name) for name in names]
    found = [sink.destination() for sink in sinks if sink is not None]
    return found or [str(config.base_dir / "raw")]


def _show(done: Rebuild, *, instead_of: str | None) -> None:
    screen = Screen()
    screen.line((done.path, "bold"))
    rate = f", {done.lines / done.seconds:,.0f} lines a second" if done.seconds else ""
    more = f", {done.completed:,} completed" if done.completed else ""
    read, runs, events = (
        counted({"lines": lines}) for lines in (done.lines, done.told["runs"], done.told["events"])
    )
    files = counted({"files": done.files})
    rows = [
        ("read", f"{read} of {files}, {size(done.bytes)}{rate}"),
        ("runs", f"{runs}, {done.added['runs']:,} added{more}"),
        ("events", f"{events}, {done.added['events']:,} added"),
    ]
    screen.listing([[(name, "dim"), said] for name, said in rows])
    if done.passed_over:
        lines = "line is no record" if done.passed_over == 1 else "lines are no records"
        screen.line((f"{done.passed_over:,} {lines}, passed over:", "yellow"))
        for example in done.examples:
            screen.line(f"  {example}")
        if done.passed_over > len(done.examples):
            screen.line(("  …", "dim"))
    for problem in done.broken:
        screen.line(("not read to its end: ", "red"), problem)
    if instead_of:
        words = shlex.join(["telemetry", "db", "restore", done.path, "--db", instead_of])
        screen.line(f"Put it in place:  {words}")

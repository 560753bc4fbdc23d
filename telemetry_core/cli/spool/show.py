"""`telemetry spool show`: the records that wait in one folder of the spool."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.completing import folder_names
from telemetry_core.cli.options import (
    config_option,
    json_option,
    limit_option,
    read_config,
    sink_option,
)
from telemetry_core.cli.places import spool_of
from telemetry_core.cli.sinks import refuse_unknown_sink
from telemetry_core.cli.words import flat, moment
from telemetry_core.clock import iso8601
from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_core.cli.screen import Screen
    from telemetry_core.delivery.spool.waiting import Waiting


@click.command("show")
@click.argument("folder", shell_complete=folder_names)
@sink_option("Only what waits for this sink.")
@limit_option(20)
@config_option
@json_option
def show_folder(
    folder: str, sink: str | None, limit: int, config_path: str | None, as_json: bool
) -> None:
    """List the records that wait in one folder.

    The critical ones come first, as they are delivered. FOLDER is its name, or the beginning of it, as `telemetry spool ls` shows it.
    """
    from telemetry_core.cli.screen import Screen, print_json

    config = read_config(config_path)
    if sink is not None:
        refuse_unknown_sink(config, sink)
    path = _find(spool_of(config), folder)
    found = list(islice(_waiting(path, sink), limit + 1))
    shown = found[:limit]
    if as_json:
        print_json({"records": [_record(one) for one in shown], "more": len(found) > limit})
    else:
        _show(Screen(), shown, more=len(found) > limit)


def _find(spool: Path, name: str) -> Path:
    """Return the one folder of this name or of which this is the beginning."""
    from telemetry_core.delivery.spool.folder import is_folder_name

    wanted = name.rstrip("/").rpartition("/")[2]
    known = sorted(path for path in spool.glob("*") if is_folder_name(path.name) and path.is_dir())
    found = [path for path in known if wanted and path.name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    problem = "more than one folder begins" if found else "there is no folder that begins"
    raise TelemetryError(f"{problem} with {wanted!r} in {spool}; see: telemetry spool ls")


def _waiting(path: Path, sink: str | None) -> Iterator[Waiting]:
    """Give what waits in a folder. Raises `SpoolError` when it cannot be read."""
    from telemetry_core.delivery.lock import OwnerLock
    from telemetry_core.delivery.spool.folder import Folder, lock_path
    from telemetry_core.delivery.spool.owner import Owner, UnknownFormatError
    from telemetry_core.delivery.spool.waiting import waiting
    from telemetry_core.errors import SpoolError
    from telemetry_core.records import Lane

    try:
        owner = Owner.load(path)
        if owner is None:
            raise SpoolError(
                f"{path} is gone, or does not say whose it is; see: telemetry spool ls"
            )
        folder = Folder.open(path, OwnerLock(lock_path(path)), owner)
        for lane in Lane:
            yield from waiting(folder, lane, owner.owed if sink is None else {sink} & {*owner.owed})
        folder.close()
    except FileNotFoundError as error:
        raise SpoolError(f"{path} is gone: what it held was delivered meanwhile") from error
    except (OSError, UnknownFormatError) as error:
        raise SpoolError(f"{path} cannot be read: {error}; it is left alone") from error


def _record(one: Waiting) -> dict[str, Any]:
    from telemetry_core.cli.record_text import as_json

    return {**as_json(one.record), "waits_for": list(one.sinks)}


def _show(screen: Screen, shown: list[Waiting], *, more: bool) -> None:
    from telemetry_core.cli.record_text import brief

    if not shown:
        screen.line("Nothing waits in it.")
        return
    screen.table(
        ["time", "what", "waits for", "record", "says"],
        [
            [
                moment(iso8601(one.record.time_ns)),
                brief(one.record),
                ", ".join(one.sinks),
                (one.record.id, "dim"),
                flat(getattr(one.record.body, "payload", None)),
            ]
            for one in shown
        ],
    )
    if more:
        screen.more("--limit")

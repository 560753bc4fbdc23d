"""Whether base_dir is the user's own, and closed to everybody else."""

from __future__ import annotations

import os
import stat
from itertools import islice
from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import fail, ok, warn
from telemetry_core.complaints import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.records import Finding

_OTHERS = 0o077
_MOST_LOOKED_AT = 20_000
_IGNORE = ".gitignore"


def folders(config: TelemetryConfig) -> Iterator[Finding]:
    """Say what is wrong with owners, modes and the ignore file of base_dir."""
    base = config.base_dir
    if problem := config.unwritable():
        yield fail("base_dir", problem, f"chown or chmod {base}, or choose another place")
    elif not base.exists():
        yield ok("base_dir", f"{base} is made with the first record")
        return
    if not base.is_dir():
        return
    yield from _modes(base)
    yield from _ignored(base)


def _modes(base: Path) -> Iterator[Finding]:
    found = list(islice(_statuses(base), _MOST_LOOKED_AT))
    user = getattr(os, "geteuid", lambda: found[0][1].st_uid)()
    strange = [path for path, status in found if status.st_uid != user]
    open_ = [path for path, status in found if stat.S_IMODE(status.st_mode) & _OTHERS]
    if strange:
        what = f"{counted(len(strange), 'file')} of another user in {base}, the first: {strange[0]}"
        yield warn("owner", what, f"run as the user they belong to, or: chown -R {user} {base}")
    if open_:
        what = (
            f"{counted(len(open_), 'file')} in {base} that others may open, the first: {open_[0]}"
        )
        yield warn("mode", what, f"chmod -R go= {base}")
    if not (strange or open_):
        yield ok("base_dir", f"{base} is yours, and closed to others")


def _statuses(base: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Give a folder and all in it, but for what may be public."""
    yield str(base), base.stat()
    for folder, folders, files in os.walk(base):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except OSError:  # its owner was done with it meanwhile
                continue
            if name != _IGNORE and not stat.S_ISLNK(status.st_mode):
                yield path, status


def _ignored(base: Path) -> Iterator[Finding]:
    """Say whether Git would take the records for part of a project."""
    if not any((parent / ".git").exists() for parent in base.parents):
        return
    ignore = base / _IGNORE
    if ignore.exists():
        yield ok("gitignore", f"{ignore} keeps the records out of Git")
    else:
        yield warn(
            "gitignore", f"{ignore} is not there: Git may take the records", f"echo '*' > {ignore}"
        )

"""Whether the disk under base_dir takes what is written there, has room, and is a disk."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import fail, ok, warn
from telemetry_core.cli.words import size
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.records import Finding

_GB = 1_000_000_000
_TOO_LITTLE, _LITTLE = _GB, 5 * _GB
_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb.*|9p|afs|ceph|fuse\..+|fuseblk|glusterfs|lustre|gpfs|beegfs|vboxsf|ncpfs"
)
_RECORD = bytes(8192)


def disk(config: TelemetryConfig) -> Iterator[Finding]:
    """Say whether records can be written, how much room there is, and what kind of disk it is."""
    folder = _nearest(config.base_dir)
    if not config.unwritable():  # which is a finding on the folder
        yield writing(folder)
    yield space(shutil.disk_usage(folder).free, folder)
    if _MOUNTS.exists():
        kind = file_system(os.path.realpath(folder), _MOUNTS.read_text("utf-8", "replace"))
        yield network(kind, folder)


def _nearest(folder: Path) -> Path:
    """Return the folder that is there, the one itself or the next above."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def writing(folder: Path) -> Finding:
    """Write, sync, rename and lock a file for real, and leave nothing behind."""
    try:
        with tempfile.TemporaryDirectory(prefix=".telemetry-doctor-", dir=folder) as name:
            _write(Path(name))
    except OSError as error:
        why = error.strerror or str(error)
        return fail(
            "writing", f"{folder} takes no records: {why}", "make room, or choose another base_dir"
        )
    return ok("writing", f"{folder} takes what is written, synced, renamed and locked")


def _write(folder: Path) -> None:
    path = folder / "probe"
    with open(path, "ab", buffering=0) as file:
        if file.write(_RECORD) != len(_RECORD):
            raise OSError("it took part of what was written; it is full")
        os.fsync(file.fileno())
    path = path.rename(folder / "renamed")
    sync_directory(folder)
    lock = OwnerLock(path)
    if not lock.acquire():
        raise OSError("a file that nobody has cannot be locked")
    try:
        if OwnerLock(path).acquire():
            raise OSError("a lock keeps nobody out, and two programs may take the same records")
    finally:
        lock.release()


def space(free: int, folder: Path) -> Finding:
    """Judge how many bytes are free."""
    what = f"{size(free)} are free in {folder}"
    remedy = "make room, or set base_dir to another disk; [delivery] max_bytes bounds what may wait"
    if free < _TOO_LITTLE:
        return fail("space", what, remedy)
    return warn("space", what, remedy) if free < _LITTLE else ok("space", what)


def network(kind: str, folder: Path) -> Finding:
    """Judge a kind of file system by its name."""
    if not _REMOTE.fullmatch(kind):
        return ok("file_system", f"{folder} lies on {kind or 'a file system without a name'}")
    return warn(
        "file_system",
        f"{folder} lies on {kind}, a file system of the network, where locks and appending may fail",
        "set base_dir to a local disk",
    )


def file_system(path: str, mounts: str) -> str:
    """Return the type of the file system that a path lies on, out of the kernel's list."""
    best, kind = "", ""
    for line in mounts.splitlines():
        mount, _, rest = line.partition(" - ")
        place = _unescaped(mount.split(" ")[4]) if rest else ""
        within = path == place or path.startswith(f"{place.rstrip('/')}/")
        if place and within and len(place) >= len(best):  # the last of two on one place is on top
            best, kind = place, rest.split(" ")[0]
    return kind


def _unescaped(place: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)

"""Which machine this is: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import sqlite3
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

CPU_INFO = Path("/proc/cpuinfo")
MOUNTS = Path("/proc/mounts")


def describe() -> str:
    """Return one line: processor, cores, system, Python, SQLite, file system, and the load."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" temporary files on {_file_system(gettempdir())}, load before {load}"
    )


def _processor() -> str:
    with suppress(OSError):
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(path: str) -> str:
    """Return the type of the file system with the longest mount point above a path."""
    with suppress(OSError):
        mounts = [line.split()[1:3] for line in MOUNTS.read_text().splitlines()]
        above = [(point, kind) for point, kind in mounts if Path(path).is_relative_to(point)]
        return max(above, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]
    return "unknown"

"""What this process has cost so far."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
A_MEGABYTE = 1024 if sys.platform == "linux" else 1024 * 1024  # of what `ru_maxrss` counts in


def peak_mb() -> float:
    """Return the most memory that was resident at a time.

    Linux is asked for this program's own: `ru_maxrss` begins with what the parent had held.
    """
    with suppress(OSError):
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / A_MEGABYTE

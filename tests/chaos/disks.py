"""A small disk to be filled, for programs and for those who break them."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILLS = """
def fill(disk):
    with open(Path(disk, "ballast"), "wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 8, 1):
            try:
                while ballast.write(bytes(size)):
                    pass
            except OSError:
                continue

def free(disk):
    Path(disk, "ballast").unlink()
"""


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Have a disk of four megabytes at a place, which only root can."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    place.mkdir(0o700, parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "chaos", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)

"""The small files around the segments: replaced as a whole, and set aside when unreadable."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("telemetry_core.spool")


def replace_file(path: Path, content: bytes) -> bool:
    """Write a file beside its place and move it there; false when the disk does not take it."""
    beside = f"{path}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            complete = os.write(descriptor, content) == len(content)
        finally:
            os.close(descriptor)
        if complete:
            os.replace(beside, path)
            return True
    except OSError as error:
        logger.debug("cannot write %s: %s", path, error)
    with contextlib.suppress(OSError):
        os.unlink(beside)
    return False


def set_aside(path: Path, consequence: str) -> None:
    """Rename an unreadable file so that nobody stumbles over it again, and say so once."""
    aside = path.with_name(f"{path.name}.corrupt-{os.getpid()}")
    try:
        os.replace(path, aside)
    except OSError as error:
        logger.warning("%s is corrupt and cannot be set aside (%s); %s", path, error, consequence)
    else:
        logger.warning("%s is corrupt; set aside as %s; %s", path, aside.name, consequence)

"""Who a spool folder belongs to and whom its records are owed to: `owner.json`."""

from __future__ import annotations

import json
import os
import uuid
from functools import cache
from pathlib import Path
from typing import Any, Self

from attrs import asdict, define, field

from telemetry_core.files import DAMAGED, NONSENSE, give_up_file, replace_file
from telemetry_core.mock_sink import MOCKED

FORMAT = 1
OWNER_FILE = "owner.json"


class UnknownFormatError(Exception):
    """The folder was written by a newer version; it is left alone."""


@cache
def boot_id() -> str:
    """Return what is the same for every process since the machine was started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().decode().strip()
    except (OSError, ValueError):  # no Linux: the node, so that the lock alone decides
        return f"{uuid.getnode():012x}"


@define
class Owner:
    """What `owner.json` says; `owed` names each sink with its destination, null until known.

    :ivar synced: the records outlive a power loss, and so has this to: else whoever is active
        then would get them, of whatever service.
    """

    service: str
    owed: dict[str, str | None]
    pid: int = field(factory=os.getpid)
    boot_id: str = field(factory=boot_id)
    format: int = FORMAT
    synced: bool = False
    orphans_closed_for: list[str] = field(factory=list)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read a folder's owner; a corrupt file is set aside and answered with nothing.

        Raises `UnknownFormatError` for a format of the future, `OSError` when it cannot be read.
        """
        path = folder / OWNER_FILE
        try:
            return cls._parse(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (*NONSENSE, IsADirectoryError):
            kept = folder.parent.parent / DAMAGED / f"{folder.name}-{OWNER_FILE}"
            give_up_file(path, "its records go to the sinks that are active now", kept)
            return None

    @classmethod
    def _parse(cls, stored: dict[str, Any]) -> Self:
        if stored["format"] != FORMAT:
            raise UnknownFormatError(f"format {stored['format']!r}, this version reads {FORMAT}")
        owed = {
            str(name): None if destination is None else str(destination)
            for name, destination in stored["owed"].items()
        }
        return cls(
            service=str(stored["service"]),
            owed=owed,
            pid=int(stored["pid"]),
            boot_id=str(stored["boot_id"]),
            synced=bool(stored.get("synced", False)),
            orphans_closed_for=[str(name) for name in stored.get("orphans_closed_for", ())],
        )

    def save(self, folder: Path) -> bool:
        """Replace the file at once; false when the disk does not take it."""
        content = json.dumps(asdict(self), indent=1).encode()
        return replace_file(folder / OWNER_FILE, content, synced=self.synced)

    def owes(self, sink: str, destination: str | None) -> bool:
        """Whether a sink with this destination may take the records, as far as is known.

        A mock takes nothing but what was recorded for a mock, and nobody else takes that.
        """
        if sink not in self.owed:
            return False
        recorded = self.owed[sink]
        if MOCKED in {recorded, destination}:
            return recorded == destination
        return recorded is None or destination is None or recorded == destination

"""A sink as others would install it: what it states, what the core offers it, how it ends."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import ClassVar

from attrs import define, field

from telemetry_core import (
    Batch,
    Clock,
    ConfigError,
    Health,
    Receipt,
    SystemClock,
    TelemetryClient,
    hookimpl,
)


@define(eq=False)
class InboxSink:
    """Puts each batch as one file into a folder that another program empties."""

    batch_size: ClassVar[int] = 200
    max_record_bytes: ClassVar[int] = 100_000

    inbox: Path | None = field(default=None, metadata={"env": ("INBOX_DIR",)})
    most_waiting: int = 1000
    base_dir: Path | None = None
    clock: Clock = field(factory=SystemClock)
    _folder: Path = field(init=False)
    _written: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Settle where the files go; the disk is touched on the worker's thread only."""
        if self.inbox is None and self.base_dir is None:
            raise ConfigError("inbox does not know where to write; set `inbox` or INBOX_DIR")
        self._folder = (self.inbox or Path(self.base_dir or "", "inbox")).absolute()

    def destination(self) -> str:
        """Return what identifies the other end."""
        return str(self._folder)

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Write a file, and name it only when it is whole; wait while too many are there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if len(list(self._folder.iterdir())) >= self.most_waiting:
            return Receipt.wait("nobody empties the inbox", retry_after=60.0)
        # Named by its records: a batch that comes again replaces itself, and never another one.
        name = hashlib.sha256(" ".join(record.id for record in batch).encode()).hexdigest()
        draft = self._folder.parent / f"{name}.draft"
        draft.write_text(json.dumps([record.body.to_dict() for record in batch]), "utf-8")
        draft.replace(self._folder / f"{name}.json")
        self._written += 1
        return Receipt.all(batch)

    @hookimpl
    def check_health(self) -> Health:
        """Say how many files wait."""
        waiting = len(list(self._folder.iterdir())) if self._folder.is_dir() else 0
        return Health(ok=waiting < self.most_waiting, message=f"{waiting} files wait")

    def stats(self) -> dict[str, int]:
        """Return the figures that `get_stats` shows."""
        return {"files": self._written}


with (
    tempfile.TemporaryDirectory() as folder,
    TelemetryClient(plugins=[InboxSink(inbox=Path(folder, "inbox"))]) as client,
):
    client.capture("signed_up", properties={"plan": "free"})
    assert client.flush(timeout=5.0)
    print(client.get_stats()["sinks"]["inbox_sink"]["plugin"])

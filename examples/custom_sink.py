"""Deliver everything to a sink of one's own."""

import json
import tempfile
from pathlib import Path

from attrs import define

from telemetry_core import Batch, Receipt, Rejection, TelemetryClient, hookimpl


@define(eq=False)
class FolderSink:
    """A sink: its fields are its settings, and it is called on a thread of its own."""

    folder: Path
    longest: int = 10_000

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Write each record to a file of its own."""
        delivered = []
        rejected = {}
        for record in batch:
            line = json.dumps(record.body.to_dict())
            if len(line) > self.longest:
                rejected[record.id] = Rejection("too_long", f"{len(line)} characters")
                continue
            # The record's id as the name: a batch that comes twice is written once.
            (self.folder / f"{record.id}.json").write_text(line, encoding="utf-8")
            delivered.append(record.id)
        return Receipt.of(delivered, rejected)


with tempfile.TemporaryDirectory() as folder:
    client = TelemetryClient(plugins=[FolderSink(Path(folder))])
    client.capture("signed_up", properties={"plan": "free"})
    print(client.flush(timeout=5.0))
    print(len(list(Path(folder).iterdir())), "record in the folder")
    client.close()

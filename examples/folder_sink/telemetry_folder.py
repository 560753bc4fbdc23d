from pathlib import Path

from attrs import define

from telemetry_core import Batch, hookimpl, json_text


@define(eq=False)
class FolderSink:
    folder: Path

    @hookimpl
    def ship_batch(self, batch: Batch) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for record in batch:
            (self.folder / f"{record.id}.json").write_text(json_text(record.body.to_dict()))

from pathlib import Path

from pytest_telemetry import SinkContract
from telemetry_folder import FolderSink


class TestFolderSink(SinkContract):
    secret = ""

    def make_sink(self, where: Path) -> FolderSink:
        return FolderSink(where / "records")

    def delivered(self, where: Path) -> list[str]:
        return [path.stem for path in (where / "records").glob("*.json")]

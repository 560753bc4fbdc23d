"""The contract over the sinks that people copy from the examples."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_telemetry import SinkContract
from pytest_telemetry.contract import out_of_reach
from pytest_telemetry.servers.http import HttpServer

from telemetry_core import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from pytest_telemetry.servers.messages import Request, Response

EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def _example(path: str) -> Any:
    """Import an example, which may deliver something meanwhile."""
    name = f"example_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class InAFolder(SinkContract):
    """What writes files into a folder; such a write does not hang."""

    secret = ""

    def break_destination(self, where: Path) -> AbstractContextManager[None]:
        return out_of_reach(where)

    def hang_destination(self, where: Path) -> AbstractContextManager[None]:
        return nullcontext()


class TestCustomSink(InAFolder):
    def make_sink(self, where: Path) -> object:
        return _example("custom_sink.py").FolderSink(where)

    def delivered(self, where: Path) -> list[str]:
        return [path.stem for path in where.glob("*.json")]


class TestInstalledFolderSink(TestCustomSink):
    def make_sink(self, where: Path) -> object:
        return _example("folder_sink/telemetry_folder.py").FolderSink(where)


class TestInboxSink(InAFolder):
    append_only = True

    def make_sink(self, where: Path) -> object:
        return _example("inbox_sink.py").InboxSink(inbox=where / "inbox")

    def delivered(self, where: Path) -> list[str]:
        files = (where / "inbox").glob("*.json")
        return [body["event_id"] for path in files for body in json.loads(path.read_text("utf-8"))]


class Receiver(HttpServer):
    """Keeps apart what comes on different paths."""

    def __init__(self) -> None:
        super().__init__()
        self.by_path: dict[str, list[str]] = defaultdict(list)

    def handle(self, request: Request) -> Response:
        response = super().handle(request)
        self.by_path[request.path] += [record["id"] for record in self.records(request)]
        return response


class TestWebhookSink(SinkContract):
    secret = "hunter2/token"
    append_only = True

    @pytest.fixture(autouse=True)
    def _receive(self) -> Iterator[None]:
        self.receiver = Receiver()
        with self.receiver.serving() as self.url:
            yield

    def make_sink(self, where: Path) -> object:
        sink: object = _example("webhook_sink.py").WebhookSink(
            f"{self.url}/{where.name}", Secret(self.secret)
        )
        return sink

    def delivered(self, where: Path) -> list[str]:
        return self.receiver.by_path[f"/{where.name}"]

    @contextmanager
    def break_destination(self, where: Path) -> Iterator[None]:
        self.receiver.down()
        yield
        self.receiver.up()

    @contextmanager
    def hang_destination(self, where: Path) -> Iterator[None]:
        fault = self.receiver.hang()
        yield
        self.receiver.clear(fault)

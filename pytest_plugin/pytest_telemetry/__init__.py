"""What tests of programs that use telemetry-core need: a clock, ids, a recorder, fake servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_telemetry.clock import FakeClock as FakeClock
    from pytest_telemetry.contract import SinkContract as SinkContract
    from pytest_telemetry.contract import Story as Story
    from pytest_telemetry.ids import CountingIds as CountingIds
    from pytest_telemetry.recorder import Recorder as Recorder
    from pytest_telemetry.servers.fake import FakeServer as FakeServer
    from pytest_telemetry.servers.http import HttpServer as HttpServer
    from pytest_telemetry.servers.ingest.server import IngestServer as IngestServer
    from pytest_telemetry.servers.messages import Refusal as Refusal
    from pytest_telemetry.servers.messages import Request as Request
    from pytest_telemetry.servers.messages import Response as Response
    from pytest_telemetry.servers.posthog.server import PostHogServer as PostHogServer
    from pytest_telemetry.servers.raxe.server import RaxeServer as RaxeServer
    from pytest_telemetry.servers.runs.server import RunsServer as RunsServer
    from pytest_telemetry.servers.sheets.cells import Formula as Formula
    from pytest_telemetry.servers.sheets.server import SheetsServer as SheetsServer

_HOMES = {
    "clock": "FakeClock",
    "contract": "SinkContract Story",
    "ids": "CountingIds",
    "recorder": "Recorder",
    "servers.fake": "FakeServer",
    "servers.http": "HttpServer",
    "servers.ingest.server": "IngestServer",
    "servers.messages": "Refusal Request Response",
    "servers.posthog.server": "PostHogServer",
    "servers.raxe.server": "RaxeServer",
    "servers.runs.server": "RunsServer",
    "servers.sheets.cells": "Formula",
    "servers.sheets.server": "SheetsServer",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [*_PUBLIC]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # a checker is to find misspelt names

    def __getattr__(name: str) -> object:
        """Import a public name at its first use: pytest loads the plugin in every session."""
        module = _PUBLIC.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)

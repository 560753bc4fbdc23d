"""Daily files of JSON lines: a sink for the client, and a writer for direct use."""

from __future__ import annotations

from telemetry_ndjson.sink import NdjsonSink
from telemetry_ndjson.writer import NDJSONWriter

__all__ = ["NDJSONWriter", "NdjsonSink"]

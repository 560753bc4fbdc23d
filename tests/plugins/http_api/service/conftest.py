"""The run service itself, as a process on a database of the test."""

from __future__ import annotations

from tests.servers.run_service.process.conftest import serve

__all__ = ["serve"]

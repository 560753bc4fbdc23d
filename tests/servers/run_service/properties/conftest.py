"""One service for a module, whose database is emptied for each example."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.asking import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Asked]]:
    """Return what gives the service, without a run in it; a new one each time would be slow."""
    with Asked(tmp_path_factory.mktemp("service") / "runs.sqlite") as service:

        def again() -> Asked:
            with closing(sqlite3.connect(service.database, timeout=60)) as database, database:
                database.execute("PRAGMA synchronous = OFF")
                database.execute("DELETE FROM agent_runs")
            return service

        yield again

"""A service to ask, and one that soon gives a locked database up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.asking import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Asked]:
    with Asked(tmp_path / "runs.sqlite") as asked:
        yield asked


@pytest.fixture
def hurried(tmp_path: Path) -> Iterator[Asked]:
    with Asked(tmp_path / "runs.sqlite", busy_timeout_ms=50) as asked:
        yield asked

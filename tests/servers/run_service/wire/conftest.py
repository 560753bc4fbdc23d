"""One service for all that leaves the others alone, and what speaks to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.run_service.wire.serving import Service, as_a_process, in_a_thread
from tests.servers.run_service.wire.telling import Api, own

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.warm import WarmInterpreter


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, warm_service: WarmInterpreter
) -> Iterator[Service]:
    """Return a process that many tests share; each has ids and agents of its own."""
    with as_a_process(warm_service, tmp_path_factory.mktemp("wire") / "service") as started:
        yield started


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as shared:
        yield shared


@pytest.fixture
def api(client: httpx.Client) -> Api:
    return Api(client)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Service]:
    """Return a service that this test has for itself."""
    with in_a_thread(tmp_path / "alone") as started:
        yield started


@pytest.fixture
def mine() -> str:
    """Return a name that only this test uses."""
    return own()

"""The fake answers as the cases in tests/golden/ingest say, on a port and in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import FakeClock, IngestServer

from tests.ingest_cases import CASES, Case, Who, strange_answer

if TYPE_CHECKING:
    import httpx


def who(server: IngestServer, org: str, app: str, other: Who | None = None) -> Who:
    made = server.credentials(org, app)
    return Who(made.org, made.app, made.token, made.secret, other)


@pytest.mark.parametrize("place", ["serving", "mounted"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_answers_as_it_must(case: Case, place: str, plain: httpx.Client) -> None:
    server = IngestServer(FakeClock())
    settings = dict(case.server)
    server.admission.require_bearer = settings.pop("require_bearer", False)
    for name, value in settings.items():
        assert hasattr(server, name)
        setattr(server, name, value)
    known = who(server, "acme", "crawler", who(server, "globex", "spider"))
    with getattr(server, place)() as url:
        assert strange_answer(case, plain, url, known, server.time.seconds()) == []

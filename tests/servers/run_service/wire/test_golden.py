"""The cases that the service, the fake and the sink have in common, asked of the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.serving import in_a_thread
from tests.wire_cases import cases_of, strange_answer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.wire_cases import Case

OURS = cases_of("ours")


@pytest.mark.parametrize("case", [case for case in OURS if not case.alone], ids=str)
def test_it_is_answered_as_the_cases_say(client: httpx.Client, case: Case) -> None:
    assert strange_answer(case, client) == []


@pytest.mark.parametrize("case", [case for case in OURS if case.alone], ids=str)
def test_it_is_answered_as_the_cases_say_by_a_service_set_so(tmp_path: Path, case: Case) -> None:
    with in_a_thread(tmp_path, **settings_of(case)) as service, service.client() as client:
        assert strange_answer(case, client) == []


def settings_of(case: Case) -> dict[str, Any]:
    settings = dict(case.service)
    if "tokens" in settings:
        settings |= {"auth_enabled": True, "auth_tokens": settings.pop("tokens")}
    if "rate_limit_rpm" in settings:
        settings["rate_limit_enabled"] = True
    return settings

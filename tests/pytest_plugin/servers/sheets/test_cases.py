"""The fake spreadsheet answers every case as it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pytest_telemetry import Formula, SheetsServer

from tests.sheets_cases import Case, cases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from pytest_telemetry import FakeClock

READ_ONLY = "https://www.googleapis.com/auth/spreadsheets.readonly"
APPEND = "/values/Runs!A1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"


@pytest.mark.parametrize("case", [*cases_of("values"), *cases_of("refused")], ids=str)
def test_a_request_is_answered(case: Case, plain: httpx.Client) -> None:
    server = SheetsServer(None, *case.tabs)
    for title, rows in case.tabs.items():
        server.spreadsheet.tabs[title].write(0, 0, rows)
    with server.mounted("https://sheets.test") as url:
        target = f"{url}/v4/spreadsheets/{server.spreadsheet_id}{case.target}"
        headers = {"authorization": f"Bearer {server.access_token()}"}
        answer = plain.request(case.method, target, content=case.content, headers=headers)
    assert case.strange_in(answer, server.spreadsheet_id) == []
    if case.grid is not None:
        assert server.grid == [[_cell(value) for value in row] for row in case.grid]


def _cell(value: Any) -> Any:
    return Formula(value["$formula"]) if isinstance(value, dict) else value


class Scene(NamedTuple):
    """What can be wrong: the server, the client's token, the time."""

    server: SheetsServer
    http: httpx.Client
    clock: FakeClock

    def use(self, token: str) -> None:
        self.http.headers["authorization"] = f"Bearer {token}"

    def write(self, times: int, per_user: int = 60) -> None:
        self.server.quota.per_user = per_user
        answers = [self.http.post(APPEND, json={}) for _ in range(times)]
        assert {answer.status_code for answer in answers} == {200}


SPOILT: dict[str, Callable[[Scene], object]] = {
    "not shared": lambda scene: scene.server.unshare(),
    "read only": lambda scene: setattr(scene.server, "role", "reader"),
    "wrong id": lambda scene: setattr(scene.server.spreadsheet, "id", "another"),
    "no tab": lambda scene: scene.server.remove_tab("Runs"),
    "not enabled": lambda scene: setattr(scene.server, "enabled", False),
    "no token": lambda scene: scene.http.headers.pop("authorization"),
    "made-up token": lambda scene: scene.use("ya29.x"),
    "old token": lambda scene: scene.clock.advance(3600),
    "token to read": lambda scene: scene.use(scene.server.access_token(READ_ONLY)),
    "user quota": lambda scene: scene.write(60),
    "project quota": lambda scene: scene.write(300, per_user=301),
    "full": lambda scene: setattr(scene.server.tab, "row_count", 10_000_000 // 26),
}


@pytest.mark.parametrize("case", cases_of("set_up"), ids=str)
def test_a_wrong_set_up_is_told(
    case: Case, server: SheetsServer, http: httpx.Client, clock: FakeClock
) -> None:
    assert http.post(APPEND, json={}).status_code == 200
    clock.advance(60)
    SPOILT[case.given](Scene(server, http, clock))
    answer = http.post(APPEND, json={"values": [["e-1"]]})
    assert case.strange_in(answer) == []
    assert server.grid == []

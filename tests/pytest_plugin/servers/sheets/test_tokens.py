"""Grants of service accounts: by the cases, and by the library of Google itself."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from google.auth import crypt, jwt
from google.auth.exceptions import RefreshError
from google.auth.transport import Request, Response
from google.oauth2.service_account import Credentials

from tests.sheets_cases import Case, cases_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx
    from pytest_telemetry import FakeClock, SheetsServer

SCOPE = "https://www.googleapis.com/auth/spreadsheets"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
APPEND = "values/Runs!A1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"


@pytest.fixture
def account(server: SheetsServer, url: str, tmp_path: Path) -> dict[str, Any]:
    """Return what stands in a key file."""
    path = server.service_account(tmp_path / "key.json")
    return dict(json.loads(path.read_text("utf-8")))


# -- the cases


def signed(case: Case, account: dict[str, Any]) -> str:
    """Return the JWT of a case, its times counted from now."""
    now = int(time.time())
    times = {"iat": 0, "exp": 3600, **{n: v for n, v in case.claims.items() if n in {"iat", "exp"}}}
    claims = {"iss": account["client_email"], "scope": SCOPE, "aud": account["token_uri"]}
    claims |= {n: v for n, v in case.claims.items() if n not in times}
    whole = claims | {name: now + span for name, span in times.items() if span is not None}
    signer = crypt.RSASigner.from_service_account_info(account)
    token: str = jwt.encode(signer, whole, header=dict(case.header)).decode()
    if case.given == "changed":
        head, _, signature = token.split(".")
        other: str = jwt.encode(signer, whole | {"exp": now + 10}).decode()
        return ".".join([head, other.split(".")[1], signature])
    return token


@pytest.mark.parametrize("case", cases_of("tokens"), ids=str)
def test_a_grant_is_answered(
    case: Case, server: SheetsServer, account: dict[str, Any], plain: httpx.Client, tmp_path: Path
) -> None:
    if case.given == "other key":
        other = json.loads(server.service_account(tmp_path / "other.json").read_text("utf-8"))
        account = account | {"private_key": other["private_key"]}
    if case.given == "revoked":
        server.revoke_keys()
    form = {"grant_type": GRANT, "assertion": signed(case, account), **case.form}
    assert case.strange_in(plain.post(account["token_uri"], data=form)) == []


# -- the library of Google


class Answer(Response):
    """An answer as the library wants it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


class Transport(Request):
    """What the library sends its requests with."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Answer:
        answer = self._client.request(method, url, content=body, headers=headers, timeout=timeout)
        return Answer(answer)


@pytest.fixture
def served(server: SheetsServer) -> Iterator[str]:
    with server.serving() as url:
        yield f"{url}/v4/spreadsheets/{server.spreadsheet_id}"


@pytest.fixture
def credentials(server: SheetsServer, served: str, tmp_path: Path) -> Credentials:
    path = server.service_account(tmp_path / "key.json")
    made: Credentials = Credentials.from_service_account_file(str(path), scopes=[SCOPE])
    return made


def append(
    served: str, credentials: Credentials, plain: httpx.Client, row: list[str]
) -> httpx.Response:
    headers: dict[str, str] = {}
    credentials.before_request(Transport(plain), "POST", served, headers)
    return plain.post(f"{served}/{APPEND}", json={"values": [row]}, headers=headers)


def test_the_real_library_gets_a_token_and_appends(
    server: SheetsServer, served: str, credentials: Credentials, plain: httpx.Client
) -> None:
    assert append(served, credentials, plain, ["event_id"]).status_code == 200
    assert append(served, credentials, plain, ["e-1"]).status_code == 200
    assert server.rows == [{"event_id": "e-1"}]
    assert [request.path for request in server.requests].count("/token") == 1


def test_the_real_library_gets_another_token_when_the_first_is_over(
    served: str, credentials: Credentials, plain: httpx.Client, clock: FakeClock
) -> None:
    append(served, credentials, plain, ["event_id"])
    clock.advance(3600)
    assert append(served, credentials, plain, ["e-1"]).status_code == 401
    credentials.refresh(Transport(plain))
    assert append(served, credentials, plain, ["e-1"]).status_code == 200


def test_the_real_library_says_that_a_key_was_revoked(
    server: SheetsServer, served: str, credentials: Credentials, plain: httpx.Client
) -> None:
    append(served, credentials, plain, ["event_id"])
    server.revoke_keys()
    assert append(served, credentials, plain, ["e-1"]).status_code == 200
    with pytest.raises(RefreshError, match=r"invalid_grant: Invalid JWT Signature\."):
        credentials.refresh(Transport(plain))


# -- what it takes


def test_every_account_is_another_one(server: SheetsServer, url: str, tmp_path: Path) -> None:
    first, second = (
        json.loads(server.service_account(tmp_path / name).read_text("utf-8")) for name in "ab"
    )
    assert first["client_email"] != second["client_email"]
    assert first["private_key"] != second["private_key"]


def test_a_key_file_is_for_its_owner_alone(server: SheetsServer, url: str, tmp_path: Path) -> None:
    assert server.service_account(tmp_path / "key.json").stat().st_mode & 0o777 == 0o600


def test_without_cryptography_it_says_what_to_do(
    server: SheetsServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography.hazmat.primitives")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeError, match="pip install cryptography"):
        server.service_account(tmp_path / "key.json")
    assert not (tmp_path / "key.json").exists()

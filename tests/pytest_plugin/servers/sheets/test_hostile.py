"""Whatever comes, the fake spreadsheet answers in Google's form and does not break."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    import httpx
    from pytest_telemetry import SheetsServer

FIXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(max_size=8)
PIECES = st.sampled_from(["Runs", "'", "''", "!", ":", "A", "ZZZ", "1", "0", "$", "1000", "é", " "])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=10,
)
BODIES = VALUES | st.fixed_dictionaries(
    {"values": st.lists(st.lists(VALUES, max_size=3), max_size=3)}
)

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HEADERS = VALUES | st.fixed_dictionaries({"alg": VALUES})
CLAIMS = VALUES | st.fixed_dictionaries({"iss": VALUES, "scope": VALUES, "exp": VALUES})


@FIXED
@given(st.lists(PIECES, max_size=8).map("".join), BODIES, st.sampled_from(["RAW", "USER_ENTERED"]))
def test_any_range_and_any_body_are_taken_or_refused(
    server: SheetsServer, http: httpx.Client, where: str, body: Any, option: str
) -> None:
    server.quota.per_user = server.quota.per_project = 1_000_000
    place = f"/values/{quote(where, safe='') or 'Runs'}"
    answers = [
        http.post(f"{place}:append?valueInputOption={option}", content=json.dumps(body)),
        http.put(f"{place}?valueInputOption={option}", content=json.dumps(body)),
        http.get(place),
    ]
    assert {answer.status_code for answer in answers} <= {200, 400}
    for answer in answers:
        if answer.status_code != 200:
            assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@FIXED
@given(st.tuples(HEADERS, CLAIMS, TEXTS))
def test_any_assertion_is_refused(
    server: SheetsServer, url: str, plain: httpx.Client, parts: tuple[Any, Any, str]
) -> None:
    written = [json.dumps(part).encode() for part in parts]
    assertion = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in written)
    form = {"grant_type": GRANT, "assertion": assertion}
    answer = plain.post(f"{url}/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

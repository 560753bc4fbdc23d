"""The fake takes the signatures that telemetry-kit's clients make, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from pytest_telemetry import FakeClock, IngestServer

FILE = Path(__file__).parents[3] / "golden" / "hmac_signatures.json"
GOLDEN = json.loads(FILE.read_text("utf-8"))
VECTORS = {vector["id"]: vector for vector in GOLDEN["vectors"]}
NEGATIVE = [{**VECTORS[one["base"]], **one} for one in GOLDEN["negative_vectors"]]
NS = 1_000_000_000
PLAIN_NONCES = {"server-test-inputs", "server-integration-inputs"}  # no UUIDs


def body_of(vector: dict[str, Any]) -> bytes:
    if "body_gen" not in vector:
        return str(vector["body"]).encode()
    parts = vector["body_gen"]
    return f"{parts['prefix']}{parts['fill'] * parts['count']}{parts['suffix']}".encode()


@pytest.fixture
def answer(
    request: pytest.FixtureRequest, server: IngestServer, clock: FakeClock, plain: httpx.Client
) -> httpx.Response:
    """Return what a vector is answered in the moment that it was made for."""
    vector = request.param
    clock.set_wall(int(VECTORS[vector.get("base", vector["id"])]["timestamp"]) * NS)
    credentials = server.credentials("acme", "crawler")
    credentials.secret = vector["secret"]
    headers = {f"x-{name}": vector[name] for name in ("signature", "timestamp", "nonce")}
    with server.mounted() as url:
        return plain.post(f"{url}/v1/ingest/acme/crawler", content=body_of(vector), headers=headers)


@pytest.mark.parametrize("answer", VECTORS.values(), indirect=True, ids=VECTORS)
def test_every_signature_is_taken(answer: httpx.Response, request: pytest.FixtureRequest) -> None:
    assert answer.status_code in (200, 400)
    if request.node.callspec.id in PLAIN_NONCES:
        assert answer.json()["message"] == "Invalid nonce format"
    else:
        assert "x-ratelimit-limit" in answer.headers  # it is about the body, if anything


@pytest.mark.parametrize("answer", NEGATIVE, indirect=True, ids=lambda one: str(one["id"]))
def test_what_is_not_signed_so_is_refused(
    answer: httpx.Response, request: pytest.FixtureRequest
) -> None:
    vector = request.node.callspec.params["answer"]
    wanted = vector.get("expect_status", 401)
    assert answer.status_code in (wanted if isinstance(wanted, list) else [wanted])


def test_a_signature_without_a_nonce_is_taken_on_request(
    server: IngestServer, clock: FakeClock, plain: httpx.Client
) -> None:
    vector = VECTORS["seed-secret-single-event"]
    clock.set_wall(int(vector["timestamp"]) * NS)
    headers = {f"x-{name}": vector[name] for name in ("timestamp", "nonce")}
    headers["x-signature"] = vector["signature_legacy_ts_body"]
    by = server.development
    with server.mounted() as url:
        target = f"{url}/v1/ingest/{by.org}/{by.app}"
        refused = plain.post(target, content=body_of(vector), headers=headers)
        by.legacy = True
        taken = plain.post(target, content=body_of(vector), headers=headers)
    assert (refused.status_code, taken.status_code) == (401, 200)

"""Requests are signed and verified as the vectors of the protocol say, and as nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from telemetry_hmac_ingest import (
    is_nonce,
    is_signed,
    is_signed_legacy,
    seconds_of,
    sign,
    sign_legacy,
    verify,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "hmac_signatures.json"
FILE: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
VECTORS = {vector["id"]: vector for vector in FILE["vectors"]}
NOT_UUIDS = {"server-test-inputs", "server-integration-inputs"}  # what no server of ours takes
ANSWERED_LATER = {"millisecond-timestamp"}  # well signed, and out of the window
NONCE = "550e8400-e29b-41d4-a716-446655440000"

each_vector = pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda one: str(one["id"]))
each_forgery = pytest.mark.parametrize(
    "forgery", FILE["negative_vectors"], ids=lambda one: str(one["id"])
)


def body_of(vector: dict[str, Any]) -> bytes:
    if "body" in vector:
        return str(vector["body"]).encode()
    recipe = vector["body_gen"]
    text = recipe["prefix"] + recipe["fill"] * recipe["count"] + recipe["suffix"]
    return str(text).encode()


def request_of(vector: dict[str, Any]) -> tuple[str, str, str, bytes]:
    return vector["secret"], vector["timestamp"], vector["nonce"], body_of(vector)


@each_vector
def test_a_body_is_the_one_that_was_signed(vector: dict[str, Any]) -> None:
    body = body_of(vector)
    assert len(body) == vector["body_bytes"]
    assert hashlib.sha256(body).hexdigest() == vector["body_sha256"]


@each_vector
def test_a_request_is_signed_as_the_vector_says(vector: dict[str, Any]) -> None:
    assert sign(*request_of(vector)) == vector["signature"]
    assert is_signed(vector["signature"], *request_of(vector))


@each_vector
def test_a_request_is_verified_where_its_nonce_is_a_uuid(vector: dict[str, Any]) -> None:
    expected = vector["id"] not in NOT_UUIDS
    assert verify(vector["signature"], *request_of(vector)) is expected


@each_vector
def test_without_a_nonce_it_is_another_signature(vector: dict[str, Any]) -> None:
    secret, timestamp, _, body = request_of(vector)
    legacy = vector["signature_legacy_ts_body"]
    assert sign_legacy(secret, timestamp, body) == legacy
    assert is_signed_legacy(legacy, secret, timestamp, body)
    assert not is_signed(legacy, *request_of(vector))
    assert not is_signed_legacy(vector["signature"], secret, timestamp, body)


@each_forgery
def test_a_forgery_does_not_pass(forgery: dict[str, Any]) -> None:
    base = VECTORS[forgery["base"]]
    request = request_of({**base, **forgery})
    assert verify(forgery["signature"], *request) is (forgery["id"] in ANSWERED_LATER)
    assert is_signed(forgery["signature"], *request) is ("expect_status" in forgery)


@pytest.mark.parametrize("part", ["secret", "timestamp", "nonce", "body"])
def test_whatever_is_changed_the_signature_no_longer_fits(part: str) -> None:
    request = {"secret": "s", "timestamp": "1732003200", "nonce": NONCE, "body": b"{}"}
    signature = sign(**request)  # type: ignore[arg-type]
    changed = {**request, part: {"body": b"{} ", "timestamp": "1732003201"}.get(part, NONCE[::-1])}
    assert verify(signature, **request)  # type: ignore[arg-type]
    assert not is_signed(signature, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "é" * 64, "\udcff" * 64, "0" * 63, "0" * 65, "0" * 1_000_000])
def test_a_senseless_signature_is_wrong_and_nothing_else(text: str) -> None:
    assert not verify(text, "s", "1732003200", NONCE, b"{}")


@pytest.mark.parametrize("secret", ["", " s ", "s\n", "\udcff"])
def test_any_text_is_a_secret_as_it_is_written(secret: str) -> None:
    assert verify(sign(secret, "1", NONCE, b""), secret, "1", NONCE, b"")
    assert sign(secret, "1", NONCE, b"") != sign("s", "1", NONCE, b"")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1732003200", 1_732_003_200),
        ("+5", 5),
        ("-5", -5),
        ("0", 0),
        ("1763548200000", 1763548200000),
    ],
)
def test_a_timestamp_is_digits(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "1.5", "1e9", "0x1", "1_000", "٣", "²", "+", "--1", "nan", "9" * 19, "1" * 400],
)  # fmt: skip
def test_anything_else_is_no_timestamp(text: str) -> None:
    assert seconds_of(text) is None
    assert not verify(sign("s", text, NONCE, b""), "s", text, NONCE, b"")


@pytest.mark.parametrize("text", [NONCE, NONCE.upper(), "00000000-0000-0000-0000-000000000000"])
def test_a_nonce_is_a_uuid(text: str) -> None:
    assert is_nonce(text)


@pytest.mark.parametrize(
    "text",
    ["", NONCE.replace("-", ""), f"{{{NONCE}}}", f"urn:uuid:{NONCE}", f"{NONCE}\n", f" {NONCE}",
     f"{NONCE}:x", NONCE.replace("5", "²"), NONCE * 30_000],
)  # fmt: skip
def test_anything_else_is_no_nonce(text: str) -> None:
    assert not is_nonce(text)
    assert not verify(sign("s", "1", text, b""), "s", "1", text, b"")

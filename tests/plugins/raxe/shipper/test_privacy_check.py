"""What must not leave the machine is found, and named by its field; ordinary events pass."""

from __future__ import annotations

from typing import Any

import pytest
from telemetry_raxe.privacy_check import offence_in

HASH = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("payload", "field", "what"),
    [
        ({"prompt": "hi"}, "payload.prompt", "text"),
        ({"Prompt_Text": "hi"}, "payload.Prompt_Text", "text"),
        ({"l1": {"hits": [{"matched_text": "x"}]}}, "payload.l1.hits[0].matched_text", "text"),
        ({"input": ["a", "b"]}, "payload.input[0]", "text"),
        ({"_mssp_data": {"a": {"b": "c"}}}, "payload._mssp_data.a.b", "text"),
        ({"note": "mail ada@example.org now"}, "payload.note", "an e-mail address"),
        ({"note": f"raxe_live_{'x' * 32}"}, "payload.note", "a key of RAXE"),
        ({"note": "078-05-1120"}, "payload.note", "a social security number"),
        ({"note": "call +49 (30) 901820"}, "payload.note", "a phone number"),
        ({"note": "4111 1111 1111 1111"}, "payload.note", "the number of a card"),
        ({"path": "/home/ada/x.py"}, "payload.path", "the home directory"),
        ({"path": "C:\\Users\\Ada\\x.py"}, "payload.path", "the home directory"),
        ({"host": "10.20.30.40"}, "payload.host", "an IP address"),
    ],
)
def test_what_is_private_is_named_and_never_shown(
    payload: dict[str, Any], field: str, what: str
) -> None:
    found = offence_in({"payload": payload})
    assert found is not None
    assert found.field == field
    assert found.what.startswith(what)


@pytest.mark.parametrize(
    "payload",
    [
        {"prompt_hash": HASH, "threat_detected": True, "scan_duration_ms": 1.5},
        {"prompt": HASH, "input": 5, "output": None, "text": "", "data": {}},
        {"platform_version": "10.0.19.45", "model_version": "1.2.3.4"},
        {"rationale": "a long text that explains " * 40},
        {"l1": {"hits": 2}, "l2": {"confidence": 0.93}, "_mssp_context": {"tenant": "t-1"}},
        {"period_start": "2026-01-01T00:00:00.000000+00:00", "version": "300.1.2.3"},
        {"rule_id": "pi-001", "count": 4111111111111111, "number": "4111 1111 1111 1112"},
        {"session_id": "sess_0123456789abcdef", "host": "1.2.3", "score": "999.1.2.3"},
    ],
)
def test_what_is_ordinary_passes(payload: dict[str, Any]) -> None:
    assert offence_in({"payload": payload}) is None


@pytest.mark.parametrize("payload", [None, "hunter2", 5])
def test_a_payload_that_is_none_has_nothing_to_name(payload: object) -> None:
    assert offence_in({"payload": payload}) is None


def test_a_payload_without_end_is_looked_at_so_deep() -> None:
    payload: dict[str, Any] = {}
    payload["again"] = payload
    assert offence_in({"payload": payload}) is None
